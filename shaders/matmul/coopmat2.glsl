// C = A B (+ bias + residual) of 16-bit A and B on workgroup-wide cooperative matrices (VK_NV_cooperative_matrix2), f32 accumulation; see matmul/tiled.comp for
// the layouts and the splits of K. The driver chooses how tiles travel: a tensor layout says what lies where, and what is beyond the edge (zeros).
#extension GL_NV_cooperative_matrix2 : require
#include "matmul/tile_of_group.glsl"

layout(constant_id = 2) const uint A_TYPE = DTYPE_F16;
layout(constant_id = 3) const uint B_TYPE = DTYPE_F16;
layout(constant_id = 4) const uint C_TYPE = DTYPE_F32;
layout(constant_id = 5) const uint A_TRANSPOSED = 0;
layout(constant_id = 6) const uint B_TRANSPOSED = 0;
layout(constant_id = 7) const uint TILE_M = 128;
layout(constant_id = 8) const uint TILE_N = 128;
layout(constant_id = 9) const uint TILE_K = 64;
layout(constant_id = 10) const uint A_VECTOR = 0;  // rows of A as stored start at multiples of eight elements, and likewise
layout(constant_id = 11) const uint B_VECTOR = 0;
layout(constant_id = 12) const uint C_VECTOR = 0;  // of C and the residual
layout(constant_id = 13) const uint UNROLL = 4;    // slices of K multiplied between two tests for the end
layout(push_constant) uniform Push { In a; In b; In residual; InF32 bias; Out c; uint m, n, k, batch, k_per_split; } p;

layout(buffer_reference, std430, buffer_reference_align = 2) buffer Halves { float16_t at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) buffer AlignedHalves { float16_t at[]; };

#define SUM coopmat<float, gl_ScopeWorkgroup, TILE_M, TILE_N, gl_MatrixUseAccumulator>
#define HALF_SUM coopmat<float16_t, gl_ScopeWorkgroup, TILE_M, TILE_N, gl_MatrixUseAccumulator>

// sum += one slice of TILE_K from k on, read through pointers of one of the types above and layouts that clamp or do not.
#define MULTIPLY(POINTER, a_layout, b_layout, k)                                                                                                   \
  {                                                                                                                                                \
    coopmat<float16_t, gl_ScopeWorkgroup, TILE_M, TILE_K, gl_MatrixUseA> a;                                                                        \
    coopmat<float16_t, gl_ScopeWorkgroup, TILE_K, TILE_N, gl_MatrixUseB> b;                                                                        \
    if (A_TRANSPOSED != 0) coopMatLoadTensorNV(a, POINTER(Words(p.a)).at, a_base, sliceTensorLayoutNV(a_layout, k, TILE_K, tile_row, TILE_M), transposed); \
    else coopMatLoadTensorNV(a, POINTER(Words(p.a)).at, a_base, sliceTensorLayoutNV(a_layout, tile_row, TILE_M, k, TILE_K));                              \
    if (B_TRANSPOSED != 0) coopMatLoadTensorNV(b, POINTER(Words(p.b)).at, b_base, sliceTensorLayoutNV(b_layout, tile_column, TILE_N, k, TILE_K), transposed); \
    else coopMatLoadTensorNV(b, POINTER(Words(p.b)).at, b_base, sliceTensorLayoutNV(b_layout, k, TILE_K, tile_column, TILE_N));                           \
    sum = coopMatMulAdd(a, b, sum);                                                                                                                \
  }

void main() {
  const uint batch = gl_WorkGroupID.z % p.batch, split = gl_WorkGroupID.z / p.batch;
  const bool splits = gl_NumWorkGroups.z > p.batch;
  const uvec2 tile = tile_of_group();
  const uint tile_row = tile.x * TILE_M, tile_column = tile.y * TILE_N;
  const uint k_begin = split * p.k_per_split, k_end = min(p.k, k_begin + p.k_per_split);
  const uint a_base = batch * p.m * p.k, b_base = batch * p.k * p.n;
  // The compiler sees from the masks that rows are aligned.
  const uint a_width = (A_TRANSPOSED != 0 ? p.m : p.k) & (A_VECTOR != 0 ? ~7u : ~0u), b_width = (B_TRANSPOSED != 0 ? p.k : p.n) & (B_VECTOR != 0 ? ~7u : ~0u);
  const uint a_rows = A_TRANSPOSED != 0 ? p.k : p.m, b_rows = B_TRANSPOSED != 0 ? p.n : p.k;

  tensorViewNV<2, false, 1, 0> transposed = createTensorViewNV(2, false, 1, 0);
  SUM sum = SUM(0.0);
  const bool inside = tile_row + TILE_M <= p.m && tile_column + TILE_N <= p.n && (k_end - k_begin) % TILE_K == 0;
  if (inside && A_VECTOR != 0 && B_VECTOR != 0) {
    tensorLayoutNV<2> a_layout = setTensorLayoutStrideNV(setTensorLayoutDimensionNV(createTensorLayoutNV(2), a_rows, a_width), a_width, 1);
    tensorLayoutNV<2> b_layout = setTensorLayoutStrideNV(setTensorLayoutDimensionNV(createTensorLayoutNV(2), b_rows, b_width), b_width, 1);
    uint k = k_begin & ~7u;
    for (; k + TILE_K * UNROLL <= k_end; k += TILE_K * UNROLL) {
      [[unroll]] for (uint u = 0; u < UNROLL; ++u) MULTIPLY(AlignedHalves, a_layout, b_layout, k + u * TILE_K)
    }
    for (; k < k_end; k += TILE_K) MULTIPLY(AlignedHalves, a_layout, b_layout, k)
  } else {
    tensorLayoutNV<2, gl_CooperativeMatrixClampModeConstantNV> a_layout = createTensorLayoutNV(2, gl_CooperativeMatrixClampModeConstantNV);
    tensorLayoutNV<2, gl_CooperativeMatrixClampModeConstantNV> b_layout = createTensorLayoutNV(2, gl_CooperativeMatrixClampModeConstantNV);
    a_layout = setTensorLayoutStrideNV(setTensorLayoutDimensionNV(a_layout, A_TRANSPOSED != 0 ? k_end : p.m, A_TRANSPOSED != 0 ? p.m : k_end), a_width, 1);
    b_layout = setTensorLayoutStrideNV(setTensorLayoutDimensionNV(b_layout, B_TRANSPOSED != 0 ? p.n : k_end, B_TRANSPOSED != 0 ? k_end : p.n), b_width, 1);
    if (A_VECTOR != 0 && B_VECTOR != 0) {
      for (uint k = k_begin & ~7u; k < k_end; k += TILE_K) MULTIPLY(AlignedHalves, a_layout, b_layout, k)
    } else {
      for (uint k = k_begin; k < k_end; k += TILE_K) MULTIPLY(Halves, a_layout, b_layout, k)
    }
  }

  tensorLayoutNV<2, gl_CooperativeMatrixClampModeConstantNV> c_layout = createTensorLayoutNV(2, gl_CooperativeMatrixClampModeConstantNV);
  c_layout = setTensorLayoutDimensionNV(c_layout, p.m, p.n);
  const uint c_base = (splits ? split * p.batch + batch : batch) * p.m * p.n;
  if (!is_null(p.bias)) {  // the same row again and again
    SUM bias;
    coopMatLoadTensorNV(bias, WordsF32(Words(p.bias)).at, 0, sliceTensorLayoutNV(setTensorLayoutStrideNV(c_layout, 0, 1), tile_row, TILE_M, tile_column, TILE_N));
    sum = sum + bias;
  }
  if (C_TYPE == DTYPE_F32) {
    if (!is_null(p.residual)) {
      SUM before;
      coopMatLoadTensorNV(before, WordsF32(Words(p.residual)).at, c_base, sliceTensorLayoutNV(c_layout, tile_row, TILE_M, tile_column, TILE_N));
      sum = sum + before;
    }
    coopMatStoreTensorNV(sum, WordsF32(Words(p.c)).at, c_base, sliceTensorLayoutNV(c_layout, tile_row, TILE_M, tile_column, TILE_N));
  } else {
    HALF_SUM c;
    if (!is_null(p.residual)) {
      coopMatLoadTensorNV(c, Halves(Words(p.residual)).at, c_base, sliceTensorLayoutNV(c_layout, tile_row, TILE_M, tile_column, TILE_N));
      sum = sum + SUM(c);
    }
    [[unroll]] for (uint e = 0; e < sum.length(); ++e) sum[e] = nearest(sum[e], C_TYPE);
    c = HALF_SUM(sum);
    coopMatStoreTensorNV(c, Halves(Words(p.c)).at, c_base, sliceTensorLayoutNV(c_layout, tile_row, TILE_M, tile_column, TILE_N));
  }
}
