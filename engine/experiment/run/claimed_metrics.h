// Claims speak of metrics, and a row has those that its kind and its statistics measure.
#pragma once

#include "experiment/plan.h"

namespace ablate {

/// Throws InputError for a claim on a metric that its row cannot have, or on a list where a number is wanted. Reads settings and shaders,
/// and needs no device. Rows are there: the plan has checked that.
void check_claimed_metrics(const Plan& plan);

}  // namespace ablate
