// Claims speak of rows by name, and the plan knows which rows there will be.
#pragma once

#include "experiment/plan.h"

namespace ablate {

/// Throws InputError when a claim of the plan speaks of a row that the plan does not have, or of one that stands for several.
void check_claimed_rows(const Plan& plan);

/// Tells every claim which rows of the plan it needs (Claim::needs).
void find_claimed_rows(Plan& plan);

}  // namespace ablate
