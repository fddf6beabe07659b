// Flat loops over elements, four at a time where QUADS says that every tensor starts at a multiple of four of its elements.
#ifndef ABLATE_ELEMENTWISE_GLSL
#define ABLATE_ELEMENTWISE_GLSL
#include "common/kernel.glsl"

layout(constant_id = 2) const uint QUADS = 0;

// for_quads(i, count) statement, then for_rest(i, count) statement: the statements see i, a group of four in the first and an element in the second.
#define for_quads(i, count) for (uint i = first_item(); QUADS != 0 && i < (count) / 4; i += item_stride())
#define for_rest(i, count) for (uint i = (QUADS != 0 ? (count) / 4 * 4 : 0) + first_item(); i < (count); i += item_stride())
#endif
