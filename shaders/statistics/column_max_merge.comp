#version 460
#include "common/kernel.glsl"

// The largest of each channel's chunks, the first of equal ones: chunks hold rising rows. Magnitudes are compared as bit patterns.
// partial_values, partial_rows: (chunks, dim)   values, max_rows: (dim)
layout(push_constant) uniform Push { InU32 partial_values; InU32 partial_rows; OutU32 values; OutU32 max_rows; uint chunks, dim; } p;

void main() {
  for (uint i = first_item(); i < p.dim; i += item_stride()) {
    uint best = 0;
    for (uint chunk = 1; chunk < p.chunks; ++chunk)
      if (p.partial_values.at[chunk * p.dim + i] > p.partial_values.at[best * p.dim + i]) best = chunk;
    p.values.at[i] = p.partial_values.at[best * p.dim + i];
    p.max_rows.at[i] = p.partial_rows.at[best * p.dim + i];
  }
}
