// Arithmetic and comparisons as an experiment file writes them: "= let.head_dim / 4", "spike('sandwich') < spike('pre-norm') / 3".
//
//   condition  := both { "or" both }                both    := comparison { "and" comparison }
//   comparison := sum [ ("<" | "<=" | ">" | ">=") sum ]
//   sum        := product { ("+" | "-") product }   product := factor { ("*" | "/") factor }
//   factor     := number | name | metric | "-" factor | "(" condition ")" | ("min" | "max") "(" sum { "," sum } ")"
//   metric     := name { "[" whole number "]" } "(" row ")"      row := text in single or double quotes
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
  std::string name{};             ///< of a key, or of a metric
  std::string row{};              ///< whose metric it is
  std::vector<std::size_t> at{};  ///< which number of a metric that is a list, or of a list of lists; 0 is the first
  std::vector<Formula> parts{};   ///< operands, in order

  bool is_comparison() const { return kind >= Kind::less && kind <= Kind::at_least; }
  bool is_condition() const { return kind >= Kind::less; }  ///< true or false rather than a number
};

/// Throws InputError, "`where`: "`text`": what was expected and what stands there".
Formula parse_formula(std::string_view text, const std::string& where);

/// "spike", "sink_score[0][3]": a metric without its row.
std::string name_of_metric(const Formula& metric);

/// The formula as text, with as few parentheses as it needs.
std::string to_text(const Formula& formula);

}  // namespace ablate
