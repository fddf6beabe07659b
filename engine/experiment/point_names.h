// How plans and points are called: names of folders.
#pragma once

#include "experiment/plan.h"

namespace ablate {

/// Throws InputError where a plan's name could not be that of a folder. `table` says where it stands.
void check_plan_name(const Value& table, const std::string& name);

/// Gives every point its id, by place and label, and the plan's name.
void name_points(Plan& plan);

}  // namespace ablate
