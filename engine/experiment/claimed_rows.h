// Claims speak of rows by name, and the plan knows which rows there will be.
#pragma once

#include "experiment/plan.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace ablate {

/// Tells every claim which rows of the plan it needs (Claim::needs). Optional claims of rows that are not there are left out. Claims about
/// another model than that of their rows are put aside, and so are those of the file whose rows `--set` has taken away; Plan::notes says so.
/// Throws InputError for any other that speaks of a row that the plan does not have, or of one that stands for several. `as_written` reads the
/// plan without `--set` and throws what is wrong with that.
void settle_claims(Plan& plan, const std::function<void()>& as_written);

/// A claim, and why it is none of the plan.
using WrongClaim = std::pair<Claim, std::string>;

/// Says in Plan::notes that these are put aside, for `--set` changed the plan of the file that makes them. Throws InputError for the first
/// of them of which that cannot be the reason.
void put_aside(Plan& plan, const std::vector<WrongClaim>& wrong);

}  // namespace ablate
