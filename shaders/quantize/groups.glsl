// Which elements of a tensor share a range. It is seen as (outer, along, inner). A run is up to `run` elements that follow each other along `along`; runs are numbered
// as (outer, run, inner), and `joined` of them, one after another, share a range.
#ifndef ABLATE_QUANTIZE_GROUPS_GLSL
#define ABLATE_QUANTIZE_GROUPS_GLSL

uint runs_in(uint along, uint run) { return (along + run - 1) / run; }

// Of element i, whose tensor begins with run `first_run`.
uint group_of(uint i, uint first_run, uint along, uint inner, uint run, uint joined) {
  const uint within = i % (along * inner);
  return (first_run + (i / (along * inner) * runs_in(along, run) + within / inner / run) * inner + within % inner) / joined;
}

// Elements that are not quantized: of a sequence's first tokens, or in a column that is kept.   columns: (sequences, dim), not 0: kept; may be null
#define is_first_token(i, p) ((p).except_tokens != 0 && (i) / (p).dim % (p).time < (p).except_tokens)
#define in_kept_column(i, p) (!is_null((p).columns) && (p).columns.at[(i) / ((p).dim * (p).time) * (p).dim + (i) % (p).dim] != 0.0)
#endif
