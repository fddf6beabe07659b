// Number formats by name: what `format = "..."` of a quantization can say. Each registers itself in its own file of this folder.
#pragma once

#include "ops/quantize.h"

#include <functional>

namespace ablate {

/// As shaders/quantize/scale_rule.glsl has it.
enum class ScaleRule : std::uint32_t { largest, range, power };

/// How a format is computed: a kernel that makes the scales of ranges (it includes shaders/quantize/scales.glsl), and one that makes codes of elements (codes.glsl).
/// Where scales follow a rule, there is a kernel named `codes` + "_of_rows" as well, which does all of it in one pass (rows.glsl).
struct NumberFormat {
  std::string scales = "quantize/scale_by_rule";
  Specialization scale_constants;
  std::string codes;
  Specialization code_constants;
  float largest = 0;        ///< magnitude of the largest code, which scales divide by
  std::uint32_t block = 0;  ///< neighbours along a row that share a scale, by the format's own definition; 0: as the granularity says
  bool with_whole = false;  ///< scales need the range of the whole tensor as well
  bool symmetric_only = false;
};

using NumberFormats = Registry<std::function<NumberFormat(const Quantization& q)>>;

inline std::pair<std::string, std::uint32_t> rule(ScaleRule rule) { return {"RULE", static_cast<std::uint32_t>(rule)}; }

inline NumberFormat number_format(const Quantization& q) { return NumberFormats::find("format", q.format)(q); }

}  // namespace ablate
