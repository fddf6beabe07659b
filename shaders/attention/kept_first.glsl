// One of the first keys, which the window has left behind and a stream keeps.
#ifndef ABLATE_ATTENTION_KEPT_FIRST_GLSL
#define ABLATE_ATTENTION_KEPT_FIRST_GLSL
bool is_kept_first(uint i, uint j, uint window, uint keep_first, int masked_key) {
  return j < keep_first && i >= window + j && int(j) != masked_key;
}
#endif
