// 16 bytes of 32 four-bit numbers: byte j holds number j below and number j + 16 above. Of group g, the four from 4 g on.
#ifndef ABLATE_NIBBLES_GLSL
#define ABLATE_NIBBLES_GLSL
#define nibbles4(word_of, p, at, group) fields(word_of(p, (at) + 4 * ((group) & 3u)), (group) / 4 * 4, 15u)
#endif
