// Claims speak of metrics, and a row has those that its kind and its statistics measure.
#pragma once

#include "experiment/plan.h"

namespace ablate {

/// Throws InputError for a claim on a metric that its row cannot have, or on a list where a number is wanted; one of the file that `--set` made
/// so is put aside (Plan::notes). Reads settings and shaders, and needs no device. Rows are there: the plan has checked that.
void settle_claimed_metrics(Plan& plan);

}  // namespace ablate
