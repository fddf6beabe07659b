#include "model/tokenizer/regex.h"

#include "base/error.h"
#include "model/tokenizer/unicode.h"

#include <oniguruma.h>

#include <algorithm>
#include <new>

namespace ablate {

namespace {

constexpr unsigned stack_entries = 1u << 27;  // of one match: what a run of so many letters takes, about 6 GiB

const OnigUChar* units(const char* text) { return reinterpret_cast<const OnigUChar*>(text); }

std::string message_of(int code, OnigErrorInfo* info = nullptr) {
  OnigUChar buffer[ONIG_MAX_ERROR_MESSAGE_LEN];
  const int length = info ? onig_error_code_to_str(buffer, code, info) : onig_error_code_to_str(buffer, code);
  return one_line({reinterpret_cast<const char*>(buffer), static_cast<std::size_t>(std::max(length, 0))});
}

void initialize() {
  static const bool done = [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    onig_initialize(encodings, 1);
    onig_set_match_stack_limit_size(stack_entries);
    return true;
  }();
  static_cast<void>(done);
}

/// Since Oniguruma 6.9.9 [:punct:] has the symbols beside the punctuation marks.
std::string with_symbols_in_punct(std::string_view pattern) {
  std::string rewritten;
  int depth = 0;        // of character classes
  bool opened = false;  // one just now: a closing bracket is a member then
  for (std::size_t at = 0; at < pattern.size();) {
    const std::string_view rest = pattern.substr(at);
    const auto put = [&](std::string_view text, std::size_t length) {
      rewritten += text;
      at += length;
    };
    if (rest[0] == '\\' && rest.size() > 1) {
      put(rest.substr(0, 2), 2);
      opened = false;
    } else if (depth > 0 && rest.starts_with("[:punct:]")) {
      put("\\p{P}\\p{S}", 9);
    } else if (depth > 0 && rest.starts_with("[:^punct:]")) {
      put("[^\\p{P}\\p{S}]", 10);
    } else if (depth > 0 && rest.starts_with("[:") && rest.find(":]") != rest.npos) {
      put(rest.substr(0, rest.find(":]") + 2), rest.find(":]") + 2);
    } else {
      if (rest[0] == '[') ++depth;
      if (rest[0] == ']' && depth > 0 && !opened) --depth;
      opened = rest[0] == '[' || (opened && rest[0] == '^');
      put(rest.substr(0, 1), 1);
    }
  }
  return rewritten;
}

}  // namespace

struct Regex::Code {
  regex_t* compiled = nullptr;
  std::optional<std::string> literal;  // in place of `compiled`
  std::string where;
  bool resumes = true;

  explicit Code(std::string place) : where(std::move(place)) {}
  ~Code() { onig_free(compiled); }
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
};

Regex::Regex(std::string_view pattern, RegexSyntax syntax, std::string where) {
  const auto code = std::make_shared<Code>(std::move(where));
  code_ = code;
  if (syntax == RegexSyntax::literal && !pattern.empty()) {
    code->literal = pattern;
    return;
  }
  initialize();
  const std::string written = with_symbols_in_punct(pattern);
  code->resumes = written.find("\\G") == written.npos && written.find("\\K") == written.npos;
  OnigErrorInfo info{};
  const int error = onig_new(&code->compiled, units(written.data()), units(written.data() + written.size()), ONIG_OPTION_NONE,
                             ONIG_ENCODING_UTF8, ONIG_SYNTAX_DEFAULT, &info);
  if (error != ONIG_NORMAL) bad_input("{}: the pattern does not compile: {}", code->where, message_of(error, &info));
}

bool Regex::resumes() const { return code_->resumes; }

const std::string* Regex::literal() const { return code_->literal ? &*code_->literal : nullptr; }

struct Regex::Scan::State {
  OnigRegion* region = onig_region_new();

  State() {
    if (!region) throw std::bad_alloc();
  }
  ~State() { onig_region_free(region, 1); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Regex::Scan::Scan(const Regex& regex, std::string_view text, std::size_t from)
    : regex_(regex), text_(text), from_(from), end_(from), matched_(from > 0) {
  if (!regex.literal()) state_ = std::make_unique<State>();
}
Regex::Scan::~Scan() = default;

bool Regex::Scan::search(std::size_t from) {
  if (const std::string* literal = regex_.literal()) {
    begin_ = text_.find(*literal, from);
    end_ = begin_ + literal->size();
    return begin_ != text_.npos;
  }
  // Oniguruma counts bytes in an int.
  constexpr std::size_t reach = std::size_t{1} << 30;
  std::size_t first = 0, last = text_.size();
  if (text_.size() > 2 * reach - 1) {
    first = from > reach ? character_begin(text_, from - reach) : 0;
    last = text_.size() - from > reach - 1 ? character_begin(text_, from + reach - 1) : text_.size();
  }
  const OnigUChar* begin = units(text_.data() + first);
  const OnigUChar* end = units(text_.data() + last);
  const int found = onig_search(regex_.code_->compiled, begin, end, units(text_.data() + from), end, state_->region, ONIG_OPTION_NONE);
  if (found == ONIG_MISMATCH) {
    if (last == text_.size()) return false;
    return search(last);
  }
  if (found < 0) bad_input("{}: the pattern gives up on this text: {}", regex_.code_->where, message_of(found));
  begin_ = first + static_cast<std::size_t>(state_->region->beg[0]);
  end_ = first + static_cast<std::size_t>(state_->region->end[0]);
  if (begin_ > end_) bad_input("{}: the pattern ends before it starts (\\K in a lookahead)", regex_.code_->where);
  return true;
}

bool Regex::Scan::next() {
  while (from_ <= text_.size()) {
    const std::size_t last_end = end_;
    if (!search(from_)) break;
    if (begin_ == end_ && matched_ && begin_ == last_end) {
      if (from_ == text_.size()) break;
      next_code_point(text_, from_);
      continue;
    }
    from_ = end_;
    matched_ = true;
    return true;
  }
  from_ = text_.size() + 1;
  return false;
}

bool Regex::matches(std::string_view text) const { return Scan(*this, text).next(); }

}  // namespace ablate
