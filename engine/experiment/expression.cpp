#include "experiment/expression.h"

#include "base/error.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

namespace ablate {
namespace {

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

  Number evaluate(const std::string& key, const Value& value);

  /// `key` as a number, evaluated first if it is an expression itself.
  Number lookup(const std::string& key) {
    const Value* value = find(root_, key);
    if (!value) fail(fmt::format("there is no key {}", key));
    if (const auto* integer = value->as<std::int64_t>()) return *integer;
    if (const auto* number = value->as<double>()) return *number;
    if (!is_expression(*value)) fail(fmt::format("{} is {}, not a number", key, type_name(*value)));
    return Evaluator(root_, evaluating_).evaluate(key, *value);
  }

  [[noreturn]] void fail(const std::string& what) const { bad_input("{}: \"{}\": {}", where_, text_, what); }

 private:
  Evaluator(const Value& root, std::set<std::string> evaluating) : root_(root), evaluating_(std::move(evaluating)) {}

  Number sum();
  Number product();
  Number factor();
  Number number();
  Number extremum(bool largest);
  Number combine(char op, const Number& a, const Number& b) const;

  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  char peek() {
    skip_spaces();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    const bool found = peek() == c;
    if (found) ++at_;
    return found;
  }
  void expect(char c) {
    if (!take(c)) fail(fmt::format("expected {} at \"{}\"", c, text_.substr(at_)));
  }

  const Value& root_;
  std::set<std::string> evaluating_;  // keys on the way here, to see a circle
  std::string text_, where_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

Number Evaluator::evaluate(const std::string& key, const Value& value) {
  text_ = *value.as<std::string>();
  where_ = fmt::format("{}: {}", value.where, key);
  at_ = 1;
  if (!evaluating_.insert(key).second) fail("it depends on itself");
  if (evaluating_.size() > 100) fail("more than 100 keys depend on one another");
  const Number result = sum();
  if (peek() != '\0') fail(fmt::format("expected an operator at \"{}\"", text_.substr(at_)));
  return result;
}

Number Evaluator::sum() {
  if (++depth_ > 100) fail("more than 100 parentheses deep");
  Number result = product();
  while (peek() == '+' || peek() == '-') {
    const char op = text_[at_++];
    result = combine(op, result, product());
  }
  --depth_;
  return result;
}

Number Evaluator::product() {
  Number result = factor();
  while (peek() == '*' || peek() == '/') {
    const char op = text_[at_++];
    result = combine(op, result, factor());
  }
  return result;
}

Number Evaluator::factor() {
  if (take('(')) {
    const Number result = sum();
    expect(')');
    return result;
  }
  if (take('-')) {
    if (++depth_ > 100) fail("more than 100 signs");
    const Number result = combine('-', std::int64_t{0}, factor());
    --depth_;
    return result;
  }
  const auto is_name = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.'; };
  if (!std::isalpha(static_cast<unsigned char>(peek()))) return number();
  const std::size_t start = at_;
  while (at_ < text_.size() && is_name(text_[at_])) ++at_;
  const std::string name = text_.substr(start, at_ - start);
  if (take('(')) {
    if (name != "min" && name != "max") fail(fmt::format("there is no function {}; min and max are", name));
    return extremum(name == "max");
  }
  return lookup(name);
}

Number Evaluator::extremum(bool largest) {
  Number result = sum();
  while (take(',')) {
    const Number next = sum();
    if (largest ? as_double(next) > as_double(result) : as_double(next) < as_double(result)) result = next;
  }
  expect(')');
  return result;
}

Number Evaluator::number() {
  skip_spaces();
  const char *begin = text_.data() + at_, *end = text_.data() + text_.size();
  std::int64_t integer = 0;
  double real = 0;
  const auto [integer_end, integer_error] = std::from_chars(begin, end, integer);
  const auto [real_end, real_error] = std::from_chars(begin, end, real);
  if (real_error != std::errc()) fail(fmt::format("expected a number or a key at \"{}\"", text_.substr(at_)));
  at_ += static_cast<std::size_t>(real_end - begin);
  if (integer_end == real_end && integer_error == std::errc()) return integer;
  return real;
}

Number Evaluator::combine(char op, const Number& a, const Number& b) const {
  const double x = as_double(a), y = as_double(b);
  if (op == '/' && y == 0) fail("division by zero");
  const double real = op == '+' ? x + y : op == '-' ? x - y : op == '*' ? x * y : x / y;
  const auto *m = std::get_if<std::int64_t>(&a), *n = std::get_if<std::int64_t>(&b);
  if (!m || !n) {
    if (!std::isfinite(real)) fail("the result is out of range");
    return real;
  }
  if (std::abs(real) > 9e18) fail("the result is out of range");
  if (op == '+') return *m + *n;
  if (op == '-') return *m - *n;
  if (op == '*') return *m * *n;
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
