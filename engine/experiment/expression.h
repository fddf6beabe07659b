// Arithmetic between the keys of an experiment: head_dim = "= let.head_dim / 4".
//
// A formula (base/formula.h) whose names are keys from the top of the file ("model.d_model"); a key must hold a number or another
// expression. Integers stay integers: an integer division that leaves a remainder is refused, and one number with a point makes the result
// a number with a point.
#pragma once

#include "base/value.h"

namespace ablate {

/// Replaces every string of `table` that starts with "=", at any depth, by its value. Throws InputError with place and key: not an
/// expression, no such key, a key that depends on itself, an inexact division, a number out of range.
void evaluate_expressions(Value& table);

}  // namespace ablate
