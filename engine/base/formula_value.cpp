#include "base/formula_value.h"

#include "base/random.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace ablate {
namespace {

using Kind = Formula::Kind;

double quotient(const Formula& formula, const MetricValue& metric) {
  const double divided = value_of(formula.parts[0], metric), divisor = value_of(formula.parts[1], metric);
  if (divisor == 0) throw NoValue(fmt::format("{} is zero, and divided by", to_text(formula.parts[1])));
  return divided / divisor;
}

double unchecked_value(const Formula& formula, const MetricValue& metric) {
  const auto part = [&](std::size_t i) { return value_of(formula.parts[i], metric); };
  switch (formula.kind) {
    case Kind::number: return std::visit([](auto value) { return static_cast<double>(value); }, formula.number);
    case Kind::metric: return metric(formula);
    case Kind::negative: return -part(0);
    case Kind::sum: return part(0) + part(1);
    case Kind::difference: return part(0) - part(1);
    case Kind::product: return part(0) * part(1);
    case Kind::quotient: return quotient(formula, metric);
    default: {
      double best = part(0);
      for (std::size_t i = 1; i < formula.parts.size(); ++i)
        best = formula.kind == Kind::min ? std::min(best, part(i)) : std::max(best, part(i));
      return best;
    }
  }
}

/// The distance of the two sides where every metric is a random number of a size of its own, of either sign; none where there is none.
std::optional<double> made_up_distance(const Formula& comparison, std::uint64_t draw) {
  const auto metric = [&](const Formula& of) {
    const CounterRandom random(draw, to_text(of));
    return random.normal(0) * std::pow(10.0, 40 * random.uniform(1) - 10);
  };
  try {
    return value_of(comparison.parts[0], metric) - value_of(comparison.parts[1], metric);
  } catch (const NoValue&) {
    return std::nullopt;
  }
}

}  // namespace

double value_of(const Formula& formula, const MetricValue& metric) {
  const double value = unchecked_value(formula, metric);
  if (!std::isfinite(value)) throw NoValue(fmt::format("{} is not a finite number", to_text(formula)));
  return value;
}

bool is_foregone(const Formula& comparison) {
  const std::optional<double> first = made_up_distance(comparison, 1);
  for (std::uint64_t draw = 2; draw <= 16; ++draw)
    if (made_up_distance(comparison, draw) != first) return false;
  return true;
}

}  // namespace ablate
