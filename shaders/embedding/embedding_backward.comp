#version 460
#include "common/reduce.glsl"
#include "common/rows.glsl"

// dtable[chunk, v] = add[v] + sum of dy[n] over the chunk's tokens n with ids[n] = first + v. A workgroup takes one v, one chunk and a tile of channels.
// It lists the tokens that match, a block of ids at a time, and its lanes then share the list: TILE of them side by side on the channels, each with KEPT
// groups of four, and LANES / TILE of them on every so manieth token. The launch fixes the order of the sums.
// ids: (tokens)   dy: (tokens, dim)   add: (rows, dim), may be null   dtable: (chunks, rows, dim), of the table's `vocabulary` rows those from `first` on; add
// and dtable of type TABLE_TYPE
layout(constant_id = 3) const uint TABLE_TYPE = DTYPE_F32;
layout(constant_id = 4) const uint TILE = 1;  // divides LANES
layout(constant_id = 5) const uint KEPT = 1;
layout(push_constant) uniform Push { InU32 ids; In dy; In add; Out dtable; uint tokens, vocabulary, first, rows, dim, chunks; } p;

const uint LIST = 1024;
shared uint list[LIST];
shared vec4 sums[LANES > TILE ? LANES : 1];

// Which of this lane's tokens, begin + lane, begin + lane + LANES and so on to begin + 31 LANES + lane, have the id v: a bit for each.
uint matches_of(uint begin, uint end, uint v) {
  uint found = 0;
  for (uint k = 0, n = begin + lane(); k < 32 && n < end; ++k, n += LANES)
    found |= uint(uint(clamp(int(p.ids.at[n]), 0, int(p.vocabulary) - 1)) == v) << k;
  return found;
}

// Lists the workgroup's matches number `first` to first + LIST - 1. `place` is the number of this lane's first.
void list_matches(uint found, uint place, uint first, uint begin) {
  workgroup_meet();
  for (; found != 0; found &= found - 1, ++place)
    if (place >= first && place < first + LIST) list[place - first] = begin + findLSB(found) * LANES + lane();
  workgroup_meet();
}

void main() {
  const uint groups = (p.dim + 3) / 4, tiles = (groups + TILE * KEPT - 1) / (TILE * KEPT), slices = LANES / TILE, slice = lane() / TILE;
  const uint per_chunk = (p.tokens + p.chunks - 1) / p.chunks;
  for (uint task = first_row(); task < p.chunks * p.rows * tiles; task += row_stride()) {
    const uint v = task / tiles % p.rows, chunk = task / tiles / p.rows, group = task % tiles * TILE * KEPT + lane() % TILE;
    const uint end = min((chunk + 1) * per_chunk, p.tokens);
    vec4 sum[KEPT];
    [[unroll]] for (uint k = 0; k < KEPT; ++k) sum[k] = vec4(0.0);
    for (uint begin = chunk * per_chunk; begin < end; begin += 32 * LANES) {
      const uint found = matches_of(begin, end, p.first + v);
      uint total;
      const uint place = workgroup_before(bitCount(found), total);
      for (uint first = 0; first < total; first += LIST) {
        list_matches(found, place, first, begin);
        const uint listed = min(total - first, LIST);
        for (uint m = slice; m < listed; m += slices * 4) {
          [[unroll]] for (uint k = 0; k < KEPT; ++k) {
            vec4 part[4];
            [[unroll]] for (uint j = 0; j < 4; ++j)
              part[j] = m + j * slices < listed ? fetch(p.dy, list[m + j * slices], p.dim, group + k * TILE) : vec4(0.0);
            sum[k] += (part[0] + part[1]) + (part[2] + part[3]);
          }
        }
      }
    }
    [[unroll]] for (uint k = 0; k < KEPT; ++k) {
      if (slices > 1) {
        workgroup_meet();
        sums[lane()] = sum[k];
        workgroup_meet();
        for (uint s = 1; slice == 0 && s < slices; ++s) sum[k] += sums[s * TILE + lane()];
      }
      if (slice == 0) {
        if (!is_null(p.add)) sum[k] += fetch_as(Words(p.add), v, p.dim, group + k * TILE, TABLE_TYPE);
        put_as(Words(p.dtable), chunk * p.rows + v, p.dim, group + k * TILE, sum[k], TABLE_TYPE);
      }
    }
  }
}
