#include "model/tokenizer/regex.h"

#include "base/error.h"
#include "model/tokenizer/pattern_dialect.h"
#include "model/tokenizer/unicode.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <new>

namespace ablate {

namespace {

std::string message_of(int code) {
  PCRE2_UCHAR buffer[256];
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

PCRE2_SPTR units(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

}  // namespace

struct Regex::Code {
  pcre2_code* code = nullptr;
  std::string where;

  explicit Code(std::string place) : where(std::move(place)) {}
  ~Code() { pcre2_code_free(code); }
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
};

Regex::Regex(std::string_view pattern, RegexSyntax syntax, std::string where) {
  const std::string translated = syntax == RegexSyntax::oniguruma ? to_pcre2(pattern, where) : std::string(pattern);
  const auto compiled = std::make_shared<Code>(std::move(where));
  const std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)> context(pcre2_compile_context_create(nullptr),
                                                                                              &pcre2_compile_context_free);
  if (!context) throw std::bad_alloc();
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  const std::uint32_t options =
      PCRE2_UTF | (syntax == RegexSyntax::literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C);
  int error = 0;
  PCRE2_SIZE offset = 0;
  compiled->code = pcre2_compile(units(translated), translated.size(), options, &error, &offset, context.get());
  if (!compiled->code) bad_input("{}: the pattern does not compile: {} (at byte {})", compiled->where, message_of(error), offset);
  // Without a just-in-time compiler for this machine the interpreter does the same work, slower.
  pcre2_jit_compile(compiled->code, PCRE2_JIT_COMPLETE);
  code_ = compiled;
}

struct Regex::Scan::State {
  pcre2_match_data* match;
  pcre2_match_context* limits;

  explicit State(const pcre2_code* code)
      : match(pcre2_match_data_create_from_pattern(code, nullptr)), limits(pcre2_match_context_create(nullptr)) {
    if (!match || !limits) throw std::bad_alloc();
    pcre2_set_heap_limit(limits, 256 * 1024);  // KiB
  }
  ~State() {
    pcre2_match_context_free(limits);
    pcre2_match_data_free(match);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Regex::Scan::Scan(const Regex& regex, std::string_view text)
    : regex_(regex), text_(text), state_(std::make_unique<State>(regex.code_->code)) {}
Regex::Scan::~Scan() = default;

bool Regex::Scan::search(std::size_t from) {
  const auto attempt = [&](std::uint32_t options) {
    return pcre2_match(regex_.code_->code, units(text_), text_.size(), from, PCRE2_NO_UTF_CHECK | options, state_->match, state_->limits);
  };
  int result = attempt(0);
  if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = attempt(PCRE2_NO_JIT);  // the interpreter's stack is on the heap and larger
  if (result == PCRE2_ERROR_NOMATCH) return false;
  if (result < 0) bad_input("{}: the pattern gives up on this text: {}", regex_.code_->where, message_of(result));
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(state_->match);
  if (ends[0] > ends[1]) bad_input("{}: the pattern ends before it starts (\\K in a lookahead)", regex_.code_->where);
  begin_ = ends[0];
  end_ = ends[1];
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
