// A run of elements that may start and end anywhere, shared out among a workgroup's lanes: whole groups of four, one load each, and the single elements
// before and after them (all of them where the tensor itself does not start at a multiple of four).
#ifndef ABLATE_SPAN_GLSL
#define ABLATE_SPAN_GLSL
#include "common/kernel.glsl"

struct Span {
  uint start;        // first element
  uint head;         // single elements before the groups
  uint singles;      // single elements in all
  uint first, last;  // groups
};

Span span_at(Words p, uint start, uint count) {
  const uint first = (start + 3) / 4, last = (start + count) / 4;
  const bool aligned = (p.x & (DTYPE == DTYPE_F32 ? 15u : 7u)) == 0;
  if (!aligned || first >= last) return Span(start, count, count, 0, 0);
  return Span(start, 4 * first - start, count - 4 * (last - first), first, last);
}

// A row of a matrix. Unless all rows start at whole groups, none is read in groups: the order of a row's sum must not hang on where the row lies.
Span row_span_at(Words p, uint row, uint dim) { return dim % 4 == 0 ? span_at(p, row * dim, dim) : Span(row * dim, dim, dim, 0, 0); }

// The n-th single element.
uint single_of(Span span, uint n) { return n < span.head ? span.start + n : 4 * span.last + n - span.head; }

// Groups lane() + 0, 1, 2, 3 times lanes() after `base`, so that four loads are in flight; `fill` past the last one.
void load_groups_at(Words p, uint base, Span span, float fill, out vec4 x[4]) {
  [[unroll]] for (uint j = 0; j < 4; ++j) x[j] = base + j * lanes() < span.last ? load4(p, base + j * lanes()) : vec4(fill);
}

// for_singles(i, span) statement sees elements; for_groups(base, span) statement sees every fourth of a lane's groups, for load_groups.
#define for_singles(i, span) for (uint n_ = lane(), i = single_of(span, n_); n_ < (span).singles; n_ += lanes(), i = single_of(span, n_))
#define for_groups(base, span) for (uint base = (span).first + lane(); base < (span).last; base += 4 * lanes())
#define span_of(p, start, count) span_at(Words(p), start, count)
#define row_span_of(p, row, dim) row_span_at(Words(p), row, dim)
#define load_groups(p, base, span, fill, x) load_groups_at(Words(p), base, span, fill, x)
#endif
