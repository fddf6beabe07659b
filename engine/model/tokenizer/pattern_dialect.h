// Oniguruma's regular expressions, which tokenizer.json files are written in, in PCRE2's words.
#pragma once

#include <string>
#include <string_view>

namespace ablate {

/// What the two read differently is rewritten: \s \S \w \W \h \H \v \b \B, scripts and [:classes:] (other sets of characters), \uHHHH, the
/// option (?m) (the dot matches line breaks), an option in the middle of a branch, X{n,m}+ (repeats the repetition rather than being
/// possessive), X{n}? and {,n}. Throws InputError naming `where` for what is not: nested and intersected character classes, \W and \H
/// inside a class, \X, (*. Letters and numbers are those of PCRE2's version of Unicode, which may be older than Oniguruma's. See
/// Oniguruma's doc/RE and doc/SYNTAX.md, and pcre2pattern(3).
std::string to_pcre2(std::string_view pattern, const std::string& where);

}  // namespace ablate
