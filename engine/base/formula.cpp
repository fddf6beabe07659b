#include "base/formula.h"

#include "base/error.h"

#include <cctype>
#include <charconv>

namespace ablate {
namespace {

using Kind = Formula::Kind;

class Parser {
 public:
  Parser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  Formula whole() {
    if (!text_.empty() && text_[0] == '=') ++at_;
    Formula formula = condition();
    if (peek() != '\0') fail(fmt::format("expected an operator at {}", here()));
    return formula;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { bad_input("{}: \"{}\": {}", where_, text_, what); }
  std::string_view rest() const { return text_.substr(at_); }
  /// Where the reader stands, for messages: 'character 9, "/ 3"'.
  std::string here() const { return rest().empty() ? "the end" : fmt::format("character {}, \"{}\"", at_ + 1, rest()); }

  char peek() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    const bool found = peek() == c;
    if (found) ++at_;
    return found;
  }
  void expect(char c) {
    if (!take(c)) fail(fmt::format("expected {} at {}", c, here()));
  }
  static bool in_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.'; }
  bool take_word(std::string_view word) {
    peek();
    if (rest().substr(0, word.size()) != word) return false;
    if (at_ + word.size() < text_.size() && in_name(text_[at_ + word.size()])) return false;
    at_ += word.size();
    return true;
  }

  Formula join(Kind kind, Formula left, Formula right) {
    if (++operators_ > 200) fail("more than 200 operators");  // the tree is as deep as they are many
    const bool conditions = kind == Kind::both || kind == Kind::either;
    for (const Formula* part : {&left, &right})
      if (part->is_condition() != conditions)
        fail(conditions ? fmt::format("expected a comparison, found the number {}", to_text(*part))
                        : fmt::format("expected a number, found the comparison {}", to_text(*part)));
    Formula formula{.kind = kind};
    formula.parts.push_back(std::move(left));
    formula.parts.push_back(std::move(right));
    return formula;
  }

  Formula condition() {
    if (++depth_ > 100) fail("more than 100 parentheses deep");
    Formula formula = both();
    while (take_word("or")) formula = join(Kind::either, std::move(formula), both());
    --depth_;
    return formula;
  }

  Formula both() {
    Formula formula = comparison();
    while (take_word("and")) formula = join(Kind::both, std::move(formula), comparison());
    return formula;
  }

  Formula comparison() {
    Formula left = sum();
    const char op = peek();
    if (op != '<' && op != '>') return left;
    ++at_;
    const bool equal = at_ < text_.size() && text_[at_] == '=';
    at_ += equal;
    const Kind kind = op == '<' ? (equal ? Kind::at_most : Kind::less) : (equal ? Kind::at_least : Kind::greater);
    Formula formula = join(kind, std::move(left), sum());
    if (peek() == '<' || peek() == '>') fail("one comparison after another: join them with \"and\"");
    return formula;
  }

  Formula sum() {
    Formula formula = product();
    while (peek() == '+' || peek() == '-') {
      const Kind kind = text_[at_++] == '+' ? Kind::sum : Kind::difference;
      formula = join(kind, std::move(formula), product());
    }
    return formula;
  }

  Formula product() {
    Formula formula = factor();
    while (peek() == '*' || peek() == '/') {
      const Kind kind = text_[at_++] == '*' ? Kind::product : Kind::quotient;
      formula = join(kind, std::move(formula), factor());
    }
    return formula;
  }

  Formula factor() {
    if (take('(')) {
      Formula formula = condition();
      expect(')');
      return formula;
    }
    if (take('-')) {
      if (++depth_ > 100) fail("more than 100 signs");
      Formula formula{.kind = Kind::negative};
      formula.parts.push_back(factor());
      if (formula.parts[0].is_condition()) fail("expected a number after -");
      --depth_;
      return formula;
    }
    if (!std::isalpha(static_cast<unsigned char>(peek()))) return number();
    const std::size_t start = at_;
    while (at_ < text_.size() && in_name(text_[at_])) ++at_;
    const std::string name(text_.substr(start, at_ - start));
    const std::vector<std::size_t> at = indices();
    if (!at.empty()) expect('(');
    else if (!take('(')) return Formula{.kind = Kind::name, .name = name};
    Formula formula = call(name);
    if (!at.empty() && formula.kind != Kind::metric) fail(fmt::format("{} is no list", name));
    formula.at = at;
    return formula;
  }

  /// "[3][0]"
  std::vector<std::size_t> indices() {
    std::vector<std::size_t> list;
    while (take('[')) {
      if (!std::isdigit(static_cast<unsigned char>(peek()))) fail(fmt::format("expected a whole number from 0 at {}", here()));
      const Formula index = number();
      const auto* whole = std::get_if<std::int64_t>(&index.number);
      if (!whole) fail(fmt::format("expected a whole number before {}", here()));
      list.push_back(static_cast<std::size_t>(*whole));
      if (list.size() > 2) fail("no metric has more than two indices");
      expect(']');
    }
    return list;
  }

  Formula call(const std::string& name) {
    if (const char quote = peek(); quote == '\'' || quote == '"') {
      const std::size_t end = text_.find(quote, at_ + 1);
      if (end == std::string_view::npos) fail(fmt::format("the quote at {} is not closed", rest()));
      Formula metric{.kind = Kind::metric, .name = name, .row = std::string(text_.substr(at_ + 1, end - at_ - 1))};
      at_ = end + 1;
      expect(')');
      return metric;
    }
    if (name != "min" && name != "max")
      fail(fmt::format("there is no function {}: expected min or max, or a row in quotes as in spike('baseline')", name));
    Formula formula{.kind = name == "min" ? Kind::min : Kind::max};
    do {
      formula.parts.push_back(sum());
      if (formula.parts.back().is_condition()) fail(fmt::format("{} is of numbers, not of comparisons", name));
    } while (take(','));
    expect(')');
    return formula;
  }

  Formula number() {
    const char *begin = text_.data() + at_, *end = text_.data() + text_.size();
    std::int64_t integer = 0;
    double real = 0;
    const auto [integer_end, integer_error] = std::from_chars(begin, end, integer);
    const auto [real_end, real_error] = std::from_chars(begin, end, real);
    if (real_error != std::errc() || !std::isdigit(static_cast<unsigned char>(peek())))
      fail(fmt::format("expected a number or a key at {}", here()));
    at_ += static_cast<std::size_t>(real_end - begin);
    Formula formula;
    if (integer_end == real_end && integer_error == std::errc()) formula.number = integer;
    else formula.number = real;
    return formula;
  }

  std::string_view text_;
  const std::string& where_;
  std::size_t at_ = 0;
  int depth_ = 0, operators_ = 0;
};

/// How tightly an operator binds.
int rank(Kind kind) {
  switch (kind) {
    case Kind::either: return 0;
    case Kind::both: return 1;
    case Kind::less:
    case Kind::at_most:
    case Kind::greater:
    case Kind::at_least: return 2;
    case Kind::sum:
    case Kind::difference: return 3;
    case Kind::product:
    case Kind::quotient: return 4;
    default: return 5;
  }
}

const char* symbol(Kind kind) {
  switch (kind) {
    case Kind::either: return " or ";
    case Kind::both: return " and ";
    case Kind::less: return " < ";
    case Kind::at_most: return " <= ";
    case Kind::greater: return " > ";
    case Kind::at_least: return " >= ";
    case Kind::sum: return " + ";
    case Kind::difference: return " - ";
    case Kind::product: return " * ";
    case Kind::quotient: return " / ";
    default: return "";
  }
}

}  // namespace

Formula parse_formula(std::string_view text, const std::string& where) { return Parser(text, where).whole(); }

std::string name_of_metric(const Formula& metric) {
  std::string text = metric.name;
  for (const std::size_t index : metric.at) text += fmt::format("[{}]", index);
  return text;
}

std::string to_text(const Formula& formula) {
  const auto inside = [&](const Formula& part, bool right) {
    const std::string text = to_text(part);
    return rank(part.kind) < rank(formula.kind) + (right ? 1 : 0) ? fmt::format("({})", text) : text;
  };
  switch (formula.kind) {
    case Kind::number: return std::visit([](auto number) { return fmt::format("{}", number); }, formula.number);
    case Kind::name: return formula.name;
    case Kind::metric: {
      const char quote = formula.row.find('\'') == std::string::npos ? '\'' : '"';
      return fmt::format("{}({}{}{})", name_of_metric(formula), quote, formula.row, quote);
    }
    case Kind::negative: return fmt::format("-{}", inside(formula.parts[0], true));
    case Kind::min:
    case Kind::max: {
      std::string list;
      for (const Formula& part : formula.parts) list += fmt::format("{}{}", list.empty() ? "" : ", ", to_text(part));
      return fmt::format("{}({})", formula.kind == Kind::min ? "min" : "max", list);
    }
    default: return fmt::format("{}{}{}", inside(formula.parts[0], false), symbol(formula.kind), inside(formula.parts[1], true));
  }
}

}  // namespace ablate
