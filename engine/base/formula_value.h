// What a formula comes to once its metrics are known.
#pragma once

#include "base/formula.h"

#include <functional>
#include <stdexcept>

namespace ablate {

/// Something that a formula needs is not there; what() says what.
struct NoValue : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The number that a metric of a formula stands for. Throws NoValue where it stands for none.
using MetricValue = std::function<double(const Formula& metric)>;

/// The value of a formula that is a number. Throws NoValue where it, or any part of it, has no finite value: min(1e308 * 10, 5) would hide one.
double value_of(const Formula& formula, const MetricValue& metric);

/// Whether a comparison comes out the same whatever its metrics are: 1 < 2, spike('a') <= spike('a'), 0 * loss('a') < 1, and 1 / (2 - 2) < 3,
/// which never has a value. Tried on made-up metrics: the distance of the two sides is then the same every time.
bool is_foregone(const Formula& comparison);

}  // namespace ablate
