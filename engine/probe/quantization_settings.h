// What `do = "quantize"` of an [[intervention]] says.
#pragma once

#include "base/settings.h"
#include "ops/quantize.h"

namespace ablate {

struct QuantizationSettings {
  Quantization quantization;  ///< without heads and static ranges, which the hook point has
  bool turned = false;        ///< quantized in the basis of a Hadamard matrix (ops/hadamard.h)
  bool static_range = false;  ///< ranges of a calibration: `statistics`, or the intact model over the data at hand

  /// The keys it reads: format or bits, granularity, group_size, symmetric, offset, range, clip, except_tokens, keep_columns_from, hadamard.
  static const std::vector<std::string>& keys();
  static QuantizationSettings from(Settings& intervention);

  /// The quantization at a place; throws InputError at the key in the file ("x.toml:3: intervention.clip: ...") for what makes no sense there.
  using Where = std::function<const std::string&(std::string_view key)>;
  void check(bool weight, const Where& where) const;
};

}  // namespace ablate
