#include "experiment/expression.h"

#include "base/error.h"
#include "base/formula.h"

#include <cmath>
#include <set>

namespace ablate {
namespace {

using Kind = Formula::Kind;
using Number = std::variant<std::int64_t, double>;

bool is_expression(const Value& value) {
  const auto* text = value.as<std::string>();
  return text && !text->empty() && text->front() == '=';
}

double as_double(const Number& number) {
  return std::visit([](auto value) { return static_cast<double>(value); }, number);
}

class Evaluator {
 public:
  explicit Evaluator(const Value& root) : root_(root) {}

  /// The value of the expression that stands at `key`.
  Number evaluate(const std::string& key, const Value& value);

 private:
  Evaluator(const Value& root, std::set<std::string> evaluating) : root_(root), evaluating_(std::move(evaluating)) {}

  [[noreturn]] void fail(const std::string& what) const { bad_input("{}: \"{}\": {}", where_, text_, what); }

  Number value_of(const Formula& formula) const;
  Number lookup(const std::string& key) const;
  Number extremum(const Formula& formula) const;
  Number combine(Kind kind, const Number& a, const Number& b) const;

  const Value& root_;
  std::set<std::string> evaluating_;  // keys on the way here, to see a circle
  std::string text_, where_;
};

Number Evaluator::evaluate(const std::string& key, const Value& value) {
  text_ = *value.as<std::string>();
  where_ = fmt::format("{}: {}", value.where, key);
  if (!evaluating_.insert(key).second) fail("it depends on itself");
  if (evaluating_.size() > 100) fail("more than 100 keys depend on one another");
  const Formula formula = parse_formula(text_, where_);
  if (formula.is_condition()) fail("expected a number, found a comparison");
  return value_of(formula);
}

Number Evaluator::value_of(const Formula& formula) const {
  switch (formula.kind) {
    case Kind::number: return formula.number;
    case Kind::name: return lookup(formula.name);
    case Kind::metric: fail(fmt::format("{}: results are not known before a run; claims can speak of them", to_text(formula)));
    case Kind::negative: return combine(Kind::difference, std::int64_t{0}, value_of(formula.parts[0]));
    case Kind::min:
    case Kind::max: return extremum(formula);
    default: return combine(formula.kind, value_of(formula.parts[0]), value_of(formula.parts[1]));
  }
}

/// `key` as a number, evaluated first if it is an expression itself.
Number Evaluator::lookup(const std::string& key) const {
  const Value* value = find(root_, key);
  if (!value) fail(fmt::format("there is no key {}", key));
  if (const auto* integer = value->as<std::int64_t>()) return *integer;
  if (const auto* number = value->as<double>()) return *number;
  if (!is_expression(*value)) fail(fmt::format("{} is {}, not a number", key, type_name(*value)));
  return Evaluator(root_, evaluating_).evaluate(key, *value);
}

Number Evaluator::extremum(const Formula& formula) const {
  Number result = value_of(formula.parts[0]);
  for (std::size_t i = 1; i < formula.parts.size(); ++i) {
    const Number next = value_of(formula.parts[i]);
    if (formula.kind == Kind::max ? as_double(next) > as_double(result) : as_double(next) < as_double(result)) result = next;
  }
  return result;
}

Number Evaluator::combine(Kind kind, const Number& a, const Number& b) const {
  const double x = as_double(a), y = as_double(b);
  if (kind == Kind::quotient && y == 0) fail("division by zero");
  const double real = kind == Kind::sum ? x + y : kind == Kind::difference ? x - y : kind == Kind::product ? x * y : x / y;
  const auto *m = std::get_if<std::int64_t>(&a), *n = std::get_if<std::int64_t>(&b);
  if (!m || !n) {
    if (!std::isfinite(real)) fail("the result is out of range");
    return real;
  }
  if (std::abs(real) > 9e18) fail("the result is out of range");
  if (kind == Kind::sum) return *m + *n;
  if (kind == Kind::difference) return *m - *n;
  if (kind == Kind::product) return *m * *n;
  if (*m % *n != 0) fail(fmt::format("{} / {} is not an integer", *m, *n));
  return *m / *n;
}

/// Walks `value`, whose dotted name is `key`; numbers are looked up in `root`, which stays as it was written.
void replace(const Value& root, const std::string& key, Value& value) {
  if (is_expression(value)) {
    std::visit([&](auto number) { value.data = number; }, Evaluator(root).evaluate(key, value));
  } else if (auto* table = value.as<Value::Table>()) {
    for (auto& [name, item] : *table) replace(root, key.empty() ? name : key + "." + name, item);
  } else if (auto* array = value.as<Value::Array>()) {
    for (Value& item : *array) replace(root, key, item);
  }
}

}  // namespace

void evaluate_expressions(Value& table) {
  const Value written = table;
  replace(written, "", table);
}

}  // namespace ablate
