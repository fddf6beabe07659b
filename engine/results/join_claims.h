// The claims of a run that was made in parts.
#pragma once

#include "results/claim.h"

namespace ablate {

/// Adds the claims of another part of the run; one that both make needs the rows that either part knows of.
void join_claims(std::vector<Claim>& claims, const std::vector<Claim>& of_part);

}  // namespace ablate
