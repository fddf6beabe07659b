// Which keys a query sees. For inclusion after what declares extensions.
#ifndef ABLATE_ATTENTION_VISIBLE_GLSL
#define ABLATE_ATTENTION_VISIBLE_GLSL

const float LOWEST = -3.0e38;  // the score of what is not seen, and a maximum of nothing: finite, so that differences of two are 0 and not NaN

// Query i sees key j unless it comes later, lies outside the window (0: none), or is masked (-1: none) for those after it.
bool is_visible(uint i, uint j, uint window, int masked_key) {
  return j <= i && (window == 0 || i - j < window) && !(int(j) == masked_key && i > j);
}
// Whether all of these queries see all of these keys.
bool all_visible(uint first_query, uint last_query, uint first_key, uint last_key, uint window, int masked_key) {
  const bool masked = masked_key >= int(first_key) && masked_key <= int(last_key) && last_query > uint(max(masked_key, 0));
  return last_key <= first_query && (window == 0 || last_query - first_key < window) && !masked;
}
// Keys [first_key, i] are all that query i may see.
uint first_key(uint i, uint window) { return window == 0 || i < window ? 0 : i - window + 1; }
#endif
