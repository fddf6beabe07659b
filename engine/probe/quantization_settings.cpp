#include "probe/quantization_settings.h"

#include "base/error.h"
#include "ops/quantization/format.h"
#include "ops/quantization/granularity.h"

namespace ablate {
namespace {

std::string read_format(Settings& s) {
  require(s.has("format") != s.has("bits"), "{}: do = \"quantize\" needs a format or a number of bits, one of the two",
          s.where(s.has("format") ? "bits" : "format"));
  if (s.has("bits")) return "int" + std::to_string(s.number({"bits", "bits of integer codes"}, 8, 2, 16));
  return s.choice({"format", "number format of the codes"}, "", NumberFormats::names());
}

CodeRange read_codes(Settings& s) {
  const bool symmetric = s.get({"symmetric", "codes are symmetric around 0"}, true);
  require(!symmetric || !s.has("offset"), "{}: symmetric codes have no offset", s.where("offset"));
  if (symmetric) return CodeRange::symmetric;
  return s.choice({"offset", "of codes that are not symmetric: a whole zero point, or the smallest value"}, "zero_point",
                  {"zero_point", "minimum"}) == "minimum"
             ? CodeRange::minimum
             : CodeRange::zero_point;
}

}  // namespace

const std::vector<std::string>& QuantizationSettings::keys() {
  static const std::vector<std::string> keys{"format", "bits", "granularity",   "group_size",        "symmetric", "offset",
                                             "range",  "clip", "except_tokens", "keep_columns_from", "hadamard"};
  return keys;
}

QuantizationSettings QuantizationSettings::from(Settings& s) {
  QuantizationSettings settings;
  Quantization& q = settings.quantization;
  q.format = read_format(s);
  const bool has_block = NumberFormats::find("format", q.format)(q).block > 0;
  require(has_block || s.has("granularity"), "{}: do = \"quantize\" needs a granularity", s.where("granularity"));
  q.granularity = s.choice({"granularity", "what shares a scale"}, has_block ? "group" : "", Granularities::names());
  q.group_size = static_cast<std::uint32_t>(s.number({"group_size", "elements of a group that share a scale"}, 0, 0));
  q.codes = read_codes(s);
  settings.static_range =
      s.choice({"range", "whether scales come from the data at hand or from a calibration"}, "dynamic", {"dynamic", "static"}) == "static";
  q.clip = static_cast<float>(s.number({"clip", "share of the range that is kept; 1 keeps all"}, 1.0, 0.0, 1.0));
  q.except_tokens =
      static_cast<std::uint32_t>(s.number({"except_tokens", "so many first tokens of each sequence are left in float"}, 0, 0));
  q.keep_columns_from = static_cast<float>(
      s.number({"keep_columns_from", "columns with a magnitude from this on are left in 16 bits; 0 leaves none"}, 0.0, 0.0));
  settings.turned = s.get({"hadamard", "turn rows by a Hadamard matrix before they are quantized, and back"}, false);
  return settings;
}

void QuantizationSettings::check(bool weight, const Where& where) const {
  require(!turned || (!static_range && quantization.keep_columns_from == 0 && quantization.granularity != "head"),
          "{}: in another basis there are no calibrated ranges, no columns and no heads", where("hadamard"));
  Quantization q = quantization;
  if (static_range) q.range = {0, 0};
  const std::optional<QuantizationFault> fault = fault_of(q, weight);
  if (fault) bad_input("{}: {}", where(fault->key), fault->what);
}

}  // namespace ablate
