#include "model/tokenizer/pattern_dialect.h"

#include "base/error.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <cctype>
#include <optional>
#include <utility>
#include <vector>

namespace ablate {

namespace {

// The insides of character classes. PCRE2's own \s also has U+180E, its \w lacks marks and all connectors but the underscore.
constexpr std::string_view space_set = R"(\t-\r\x{85}\p{Z})";
constexpr std::string_view no_space_set =
    R"(\x{0}-\x{8}\x{E}-\x{1F}!-\x{84}\x{86}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}\x{202A}-\x{202E}\x{2030}-\x{205E})"
    R"(\x{2060}-\x{2FFF}\x{3001}-\x{10FFFF})";
constexpr std::string_view word_set = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
// By itself, not in a class, \w also has the superscript digits and the fractions of Latin-1.
constexpr std::string_view lone_word_set = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{B2}\x{B3}\x{B9}\x{BC}-\x{BE})";
constexpr std::string_view hex_set = "0-9A-Fa-f";

constexpr std::pair<std::string_view, std::string_view> posix_sets[] = {
    {"[:alpha:]", R"(\p{Alphabetic})"}, {"[:digit:]", R"(\p{Nd})"},        {"[:punct:]", R"(\p{P}\p{S})"}, {"[:space:]", space_set},
    {"[:upper:]", R"(\p{Uppercase})"},  {"[:lower:]", R"(\p{Lowercase})"}, {"[:word:]", word_set},         {"[:xdigit:]", hex_set},
};

/// What stands for \s and its like inside a class.
std::optional<std::string_view> class_set(char kind) {
  switch (kind) {
    case 's': return space_set;
    case 'S': return no_space_set;
    case 'w': return word_set;
    case 'h': return hex_set;
    case 'v': return R"(\x0B)";
    default: return std::nullopt;
  }
}

/// What stands for \s and its like outside of classes.
std::optional<std::string> lone_set(char kind) {
  switch (kind) {
    case 's': return fmt::format("[{}]", space_set);
    case 'S': return fmt::format("[^{}]", space_set);
    case 'w': return fmt::format("[{}]", lone_word_set);
    case 'W': return fmt::format("[^{}]", lone_word_set);
    case 'h': return fmt::format("[{}]", hex_set);
    case 'H': return fmt::format("[^{}]", hex_set);
    case 'v': return R"(\x0B)";
    case 'b': return fmt::format("(?:(?<=[{0}])(?![{0}])|(?<![{0}])(?=[{0}]))", lone_word_set);
    case 'B': return fmt::format("(?:(?<=[{0}])(?=[{0}])|(?<![{0}])(?![{0}]))", lone_word_set);
    default: return std::nullopt;
  }
}

/// Whether the Unicode property is a script. Oniguruma's \p{Han} is the property Script, PCRE2's is Script_Extensions.
bool is_script(std::string_view property) {
  const std::string pattern = fmt::format(R"(\p{{sc:{}}})", property);
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF, &error, &offset, nullptr);
  pcre2_code_free(code);
  return code != nullptr;
}

class Translator {
 public:
  Translator(std::string_view pattern, const std::string& where) : pattern_(pattern), where_(where) { groups_.push_back({}); }

  std::string run() {
    while (at_ < pattern_.size()) step();
    require(groups_.size() == 1, "{}: the pattern does not compile: a parenthesis is not closed", where_);
    close_options();
    return std::move(out_);
  }

 private:
  struct Group {
    std::size_t begin = 0;  // where the group starts in the output
    int open_options = 0;   // groups opened for (?i) and the like, to be closed with this one
  };

  bool sees(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }

  void step() {
    switch (pattern_[at_]) {
      case '\\': escape(); break;
      case '[': character_class(); break;
      case '(': open_group(); break;
      case ')': close_group(); break;
      case '{': repetition(); break;
      case '*':
      case '+':
      case '?':
      case '|': out_ += pattern_[at_++]; break;
      default: literal(); break;
    }
  }

  void literal() {
    atom_ = out_.size();
    copy_character();
  }

  void copy_character() {
    do out_ += pattern_[at_++];
    while (at_ < pattern_.size() && (static_cast<unsigned char>(pattern_[at_]) & 0xC0) == 0x80);
  }

  void atom(std::string_view text) {
    atom_ = out_.size();
    out_ += text;
  }

  void escape() {
    require(at_ + 1 < pattern_.size(), "{}: the pattern does not compile: it ends in a backslash", where_);
    const char kind = pattern_[at_ + 1];
    at_ += 2;
    require(kind != 'X', "{}: \\X is not supported", where_);
    if (const auto set = lone_set(kind)) {
      atom(*set);
    } else if (kind == 'u') {
      atom(code_point());
    } else if (kind == 'p' || kind == 'P' || kind == 'x') {
      braced(kind);
    } else {
      atom("\\");
      --at_;
      copy_character();
    }
  }

  /// \p{...}, \P{...} and \x{...}, whose braces are no repetition.
  void braced(char kind) {
    const std::size_t begin = out_.size();
    out_ += '\\';
    out_ += kind;
    if (sees("{")) {
      const std::size_t close = pattern_.find('}', at_);
      require(close != pattern_.npos, "{}: the pattern does not compile: \\{} lacks a closing brace", where_, kind);
      const bool inverted = pattern_[at_ + 1] == '^';
      const std::string_view name = pattern_.substr(at_ + 1, close - at_ - 1).substr(inverted ? 1 : 0);
      out_ += fmt::format("{{{}{}{}}}", inverted ? "^" : "", kind != 'x' && is_script(name) ? "sc:" : "", name);
      at_ = close + 1;
    }
    atom_ = begin;
  }

  std::string code_point() {
    const std::string_view digits = pattern_.substr(at_, 4);
    bool valid = digits.size() == 4;
    for (const char c : digits) valid = valid && std::isxdigit(static_cast<unsigned char>(c));
    require(valid, "{}: the pattern does not compile: \\u is not followed by four hexadecimal digits", where_);
    at_ += 4;
    return fmt::format("\\x{{{}}}", digits);
  }

  void character_class() {
    const std::size_t begin = out_.size();
    out_ += pattern_[at_++];
    if (sees("^")) out_ += pattern_[at_++];
    if (sees("]")) out_ += pattern_[at_++];
    while (at_ < pattern_.size() && !sees("]")) class_member();
    require(at_ < pattern_.size(), "{}: the pattern does not compile: a character class is not closed", where_);
    out_ += pattern_[at_++];
    atom_ = begin;
  }

  void class_member() {
    require(!sees("&&"), "{}: the intersection of character classes (&&) is not supported", where_);
    for (const auto& [name, set] : posix_sets) {
      if (!sees(name)) continue;
      out_ += set;
      at_ += name.size();
      return;
    }
    require(!sees("["), "{}: a character class inside a character class is not supported", where_);
    if (!sees("\\")) {
      out_ += pattern_[at_++];
      return;
    }
    require(at_ + 1 < pattern_.size(), "{}: the pattern does not compile: it ends in a backslash", where_);
    const char kind = pattern_[at_ + 1];
    at_ += 2;
    require(kind != 'W' && kind != 'H', "{}: \\{} inside a character class is not supported", where_, kind);
    if (const auto set = class_set(kind)) {
      out_ += *set;
    } else if (kind == 'u') {
      out_ += code_point();
    } else if (kind == 'p' || kind == 'P') {
      braced(kind);
    } else {
      out_ += '\\';
      --at_;
      copy_character();
    }
  }

  void open_group() {
    require(!sees("(*"), "{}: (* is not supported", where_);
    if (sees("(?#")) {
      const std::size_t close = pattern_.find(')', at_);
      require(close != pattern_.npos, "{}: the pattern does not compile: a comment is not closed", where_);
      at_ = close + 1;
      return;
    }
    if (options()) return;
    groups_.push_back({out_.size(), 0});
    out_ += pattern_[at_++];
    if (sees("?")) {
      do out_ += pattern_[at_++];
      while (at_ < pattern_.size() && std::string_view("<=!:>P'").find(pattern_[at_]) != std::string_view::npos);
    }
  }

  /// (?imx-imx) and (?imx-imx: where m is PCRE2's s, and the first form holds to the end of the group around it, later branches included.
  bool options() {
    std::size_t end = at_ + 2;
    if (!sees("(?")) return false;
    while (end < pattern_.size() && std::string_view("imx-").find(pattern_[end]) != std::string_view::npos) ++end;
    if (end == at_ + 2 || end == pattern_.size() || (pattern_[end] != ':' && pattern_[end] != ')')) return false;
    const bool is_group = pattern_[end] == ':';
    if (is_group) {
      groups_.push_back({out_.size(), 0});
    } else {
      ++groups_.back().open_options;
    }
    for (; at_ < end; ++at_) out_ += pattern_[at_] == 'm' ? 's' : pattern_[at_];
    out_ += ':';
    ++at_;
    return true;
  }

  void close_options() {
    out_.append(static_cast<std::size_t>(groups_.back().open_options), ')');
    groups_.back().open_options = 0;
  }

  void close_group() {
    require(groups_.size() > 1, "{}: the pattern does not compile: a closing parenthesis too many", where_);
    close_options();
    out_ += pattern_[at_++];
    atom_ = groups_.back().begin;
    groups_.pop_back();
  }

  /// {n}, {n,}, {n,m} and {,m}; anything else in braces stands for itself.
  void repetition() {
    const std::size_t begin = at_;
    const auto number = [&] {
      std::string digits;
      while (at_ < pattern_.size() && std::isdigit(static_cast<unsigned char>(pattern_[at_]))) digits += pattern_[at_++];
      return digits;
    };
    ++at_;
    const std::string least = number();
    const bool range = sees(",");
    if (range) ++at_;
    const std::string greatest = range ? number() : least;
    if (!sees("}") || (least.empty() && greatest.empty()) || !atom_) {
      at_ = begin;
      atom("\\{");
      ++at_;
      return;
    }
    ++at_;
    out_ += fmt::format("{{{}{}}}", least.empty() ? "0" : least, range ? "," + greatest : "");
    if (sees("+") || sees("{") || (sees("?") && !range)) {
      out_.insert(*atom_, "(?:");
      out_ += ")";
    }
  }

  std::string_view pattern_;
  const std::string& where_;
  std::size_t at_ = 0;
  std::string out_;
  std::optional<std::size_t> atom_;  // where the last thing that can be repeated starts in the output
  std::vector<Group> groups_;        // the whole pattern, then every group that is open
};

}  // namespace

std::string to_pcre2(std::string_view pattern, const std::string& where) { return Translator(pattern, where).run(); }

}  // namespace ablate
