// What of a quantization makes no sense together.
#include "ops/quantization/format.h"
#include "ops/quantization/granularity.h"
#include "ops/quantize.h"

namespace ablate {

std::optional<QuantizationFault> fault_of(const Quantization& q, bool weight) {
  if (!NumberFormats::has(q.format)) return QuantizationFault{"format", fmt::format("there is no number format \"{}\"", q.format)};
  if (!Granularities::has(q.granularity))
    return QuantizationFault{"granularity", fmt::format("there is no granularity \"{}\"", q.granularity)};
  const Granularity& granularity = granularity_of(q);
  const NumberFormat format = number_format(q);
  std::optional<QuantizationFault> fault;
  const auto needs = [&]<class... Args>(bool fine, const char* key, fmt::format_string<Args...> what, Args&&... args) {
    if (!fine && !fault) fault = QuantizationFault{key, fmt::format(what, std::forward<Args>(args)...)};
  };
  needs(format.block == 0 || q.granularity == "group", "granularity", "format \"{}\" has groups of {} of its own", q.format, format.block);
  needs(format.block == 0 || q.group_size == 0, "group_size", "format \"{}\" has groups of {} of its own", q.format, format.block);
  needs(!format.symmetric_only || q.codes == CodeRange::symmetric, "symmetric", "format \"{}\" has a sign of its own: it is symmetric",
        q.format);
  needs(static_cast<bool>(weight ? granularity.weights : granularity.activations), "granularity", "weights have no granularity \"{}\"",
        q.granularity);
  needs(q.group_size == 0 || granularity.has_group_size, "group_size", "granularity \"{}\" has no groups of a size", q.granularity);
  needs(!weight || q.group_size == 0 || q.granularity == "group", "group_size",
        "of weights only granularity \"group\" has groups of a size");
  needs(q.group_size > 0 || !granularity.needs_group_size || format.block > 0, "group_size", "granularity \"{}\" needs a group_size",
        q.granularity);
  needs(!weight || q.except_tokens == 0, "except_tokens", "weights have no tokens");
  needs(!weight || q.keep_columns_from <= 0, "keep_columns_from", "only columns of activations are kept");
  needs(!weight || q.range.empty(), "range", "weights have no static range: they are there");
  needs(q.range.empty() || (granularity.static_ranges && q.group_size == 0 && format.block == 0), "range",
        "granularity \"{}\" of format \"{}\" has no static ranges", q.granularity, q.format);
  needs(q.clip > 0 && q.clip <= 1, "clip", "a clip of {}: it must be over 0 and at most 1", q.clip);
  return fault;
}

}  // namespace ablate
