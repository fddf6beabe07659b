#version 460
#include "common/rows.glsl"

// dtable[chunk, v] = add[v] + sum of dy[n] over the chunk's tokens n with ids[n] = v. A workgroup takes one v, one chunk and a tile of channels.
// It lists the tokens that match, a block of ids at a time, and its lanes then share the list: TILE of them side by side on the channels, each with KEPT
// groups of four, and LANES / TILE of them on every so manieth token. The sums meet in the order of tokens and lanes, whatever the scheduling.
// ids: (tokens)   dy: (tokens, dim)   add: (vocabulary, dim), may be null   dtable: (chunks, vocabulary, dim); add and dtable of type TABLE_TYPE
layout(constant_id = 3) const uint TABLE_TYPE = DTYPE_F32;
layout(constant_id = 4) const uint TILE = 1;  // divides LANES
layout(constant_id = 5) const uint KEPT = 1;
layout(push_constant) uniform Push { InU32 ids; In dy; In add; Out dtable; uint tokens, vocabulary, dim, chunks; } p;

const uint BLOCK = 2048;
shared uint matches;
shared uint marked[BLOCK / 32];
shared uint list[BLOCK];
shared vec4 sums[LANES > TILE ? LANES : 1];

// Tokens [begin, end), at most BLOCK, whose id is v go to `list` in order; their number to `matches`.
void list_matches(uint begin, uint end, uint v) {
  barrier();
  if (lane() == 0) matches = 0;
  for (uint w = lane(); w < BLOCK / 32; w += LANES) marked[w] = 0;
  barrier();
  for (uint n = begin + lane(); n < end; n += LANES) {
    if (uint(clamp(int(p.ids.at[n]), 0, int(p.vocabulary) - 1)) != v) continue;
    atomicOr(marked[(n - begin) / 32], 1u << (n - begin) % 32);
    atomicAdd(matches, 1u);
  }
  barrier();
  if (matches == 0) return;
  for (uint w = lane(); w < BLOCK / 32; w += LANES) {
    uint place = 0;
    for (uint before = 0; before < w; ++before) place += bitCount(marked[before]);
    for (uint bits = marked[w]; bits != 0; bits &= bits - 1) list[place++] = begin + w * 32 + findLSB(bits);
  }
  barrier();
}

void main() {
  const uint groups = (p.dim + 3) / 4, tiles = (groups + TILE * KEPT - 1) / (TILE * KEPT), slices = LANES / TILE, slice = lane() / TILE;
  const uint per_chunk = (p.tokens + p.chunks - 1) / p.chunks;
  for (uint task = first_row(); task < p.chunks * p.vocabulary * tiles; task += row_stride()) {
    const uint v = task / tiles % p.vocabulary, chunk = task / tiles / p.vocabulary, group = task % tiles * TILE * KEPT + lane() % TILE;
    const uint end = min((chunk + 1) * per_chunk, p.tokens);
    vec4 sum[KEPT];
    [[unroll]] for (uint k = 0; k < KEPT; ++k) sum[k] = vec4(0.0);
    for (uint begin = chunk * per_chunk; begin < end; begin += BLOCK) {
      list_matches(begin, min(begin + BLOCK, end), v);
      for (uint m = slice; m < matches; m += slices * 4) {
        [[unroll]] for (uint k = 0; k < KEPT; ++k) {
          vec4 part[4];
          [[unroll]] for (uint j = 0; j < 4; ++j)
            part[j] = m + j * slices < matches ? fetch(p.dy, list[m + j * slices], p.dim, group + k * TILE) : vec4(0.0);
          sum[k] += (part[0] + part[1]) + (part[2] + part[3]);
        }
      }
    }
    [[unroll]] for (uint k = 0; k < KEPT; ++k) {
      if (slices > 1) {
        barrier();
        sums[lane()] = sum[k];
        barrier();
        for (uint s = 1; slice == 0 && s < slices; ++s) sum[k] += sums[s * TILE + lane()];
      }
      if (slice == 0) {
        if (!is_null(p.add)) sum[k] += fetch_as(Words(p.add), v, p.dim, group + k * TILE, TABLE_TYPE);
        put_as(Words(p.dtable), chunk * p.vocabulary + v, p.dim, group + k * TILE, sum[k], TABLE_TYPE);
      }
    }
  }
}
