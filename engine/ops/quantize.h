// Fake quantization: numbers become codes of a few bits and come back as what the codes stand for, so that a model computes with the error of its
// quantized self.
#pragma once

#include "ops/matrix.h"
#include "ops/op.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ablate {

/// Where the codes of integer formats lie in a group's range from its least element lo to its largest hi.
enum class CodeRange {
  symmetric,   ///< x = s q; s = max(-lo, hi) / q_max, q from -q_max - 1 to q_max
  zero_point,  ///< x = s (q - z) with z a whole code; s = (hi - lo) / q_max, z = round(-lo / s), q from 0 to q_max. A range holds 0, but in granularity "group"
  minimum,     ///< x = s q + lo (Liu et al. 2024, KIVI, arXiv 2402.02750)
};

/// What quantize() does. Every quotient is exact before it is rounded, halves to the even code (torch.round); s and lo are f32.
struct Quantization {
  std::string format = "int8";         ///< a name of NumberFormats: int2 .. int16, fp8-e4m3, mxfp4, nvfp4
  std::string granularity = "tensor";  ///< which elements share a range: a name of Granularities: tensor, token, channel, group, head
  std::uint32_t group_size = 0;        ///< elements that share a range within what `granularity` says; 0: all
  std::uint32_t heads = 0;             ///< how many heads the channels consist of; for "head"
  CodeRange codes = CodeRange::symmetric;
  float clip = 1;                   ///< the range is multiplied by it
  std::uint32_t except_tokens = 0;  ///< the first tokens of every sequence stay as they are and belong to no range
  float keep_columns_from =
      0;  ///< a column of a sequence with an |x| of at least that stays, rounded to f16, and belongs to no range (LLM.int8, arXiv 2208.07339); 0: none
  /// Static: lo and hi of every group, one after another, in place of those of the tensor at hand. Empty: dynamic.
  std::vector<float> range{};
};

/// x with the error of its codes, in x's type: (B, T, C) f32, f16 or bf16; "tensor" is a sequence's (T, C), so that no sequence depends on another.
/// What a range that is not finite would scale becomes NaN. Throws InputError for what does not fit.
Tensor quantize(Graph& graph, const Tensor& x, const Quantization& q);

/// The same for a weight (out, in), whose "channel" is a row. It may consist of `matrices` of equal size, one below the other, each a "tensor" of its own.
Matrix quantize(Graph& graph, const Matrix& w, const Quantization& q, std::uint32_t matrices = 1);

/// The codes too, for tests: i32 of x's shape, 0 for what stays; and (groups, 2) f32: s, and z or lo.
struct QuantizedTensor {
  Tensor y, codes, scales;
};
QuantizedTensor quantize_to_codes(Graph& graph, const Tensor& x, const Quantization& q);

/// (B, C, 2) f32: the least and the largest element of every channel of a sequence, its first tokens left out; infinity and -infinity where none is left.
Tensor channel_ranges(Graph& graph, const Tensor& x, std::uint32_t except_tokens);

/// What no tensor fits: an unknown format or granularity, a group size where there are no groups, and so on.
struct QuantizationFault {
  std::string key;  ///< the member at fault, as an [[intervention]] calls it
  std::string what;
};
/// `weight`: of a quantization of weights. None: there is no fault.
std::optional<QuantizationFault> fault_of(const Quantization& q, bool weight);

}  // namespace ablate
