// Arithmetic and comparisons as an experiment file writes them: "= let.head_dim / 4", "spike('sandwich') < spike('pre-norm') / 3".
//
//   condition  := both { "or" both }                both    := comparison { "and" comparison }
//   comparison := sum [ ("<" | "<=" | ">" | ">=") sum ]
//   sum        := product { ("+" | "-") product }   product := factor { ("*" | "/") factor }
//   factor     := number | name | name "(" row ")" | "-" factor | "(" condition ")" | ("min" | "max") "(" sum { "," sum } ")"
//   row        := text in single or double quotes
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ablate {

/// A formula as a tree. What its names stand for is the reader's business (expression.h, claim.h).
struct Formula {
  enum class Kind {
    number,
    name,
    metric,
    negative,
    sum,
    difference,
    product,
    quotient,
    min,
    max,
    less,
    at_most,
    greater,
    at_least,
    both,
    either
  };

  Kind kind = Kind::number;
  std::variant<std::int64_t, double> number{};
  std::string name{};            ///< of a key, or of a metric
  std::string row{};             ///< whose metric it is
  std::vector<Formula> parts{};  ///< operands, in order

  bool is_comparison() const { return kind >= Kind::less && kind <= Kind::at_least; }
  bool is_condition() const { return kind >= Kind::less; }  ///< true or false rather than a number
};

/// Throws InputError, "`where`: "`text`": what was expected and what stands there".
Formula parse_formula(std::string_view text, const std::string& where);

/// The formula as text, with as few parentheses as it needs.
std::string to_text(const Formula& formula);

}  // namespace ablate
