// Bounds that a window's length sets for keys of other tables.
#pragma once

#include "base/value.h"
#include "model/config.h"

#include <cstdint>
#include <string>

namespace ablate {

/// Throws InputError at the key that does not go with sequences of `tokens` input tokens, which is what `length` ("train.seq_len") says, or
/// the data: positions that a model of learned positions lacks, model.loss_positions (if `trained`), and the positions that [data] changes.
/// `table` is the point's.
void check_window(const Value& table, const TransformerConfig& config, std::int64_t tokens, const std::string& length, bool trained);

}  // namespace ablate
