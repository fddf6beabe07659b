// TOML text -> Value.
#pragma once

#include "base/value.h"

namespace ablate {

/// The text as a table whose values know their places ("file.toml:12", with `name` as the file) and the order they were written in, counted
/// from `first_order` up. Throws InputError "file.toml:12: ..." for what is not TOML, and for dates, which no key takes.
Value parse_toml(std::string_view text, const std::string& name, std::uint64_t first_order = 0);

/// One `key=value` of the command line: the value is TOML where it parses as TOML, else a string ("a.b=gelu"). The place is "--set".
struct Assignment {
  std::string key;
  Value value;
};
Assignment parse_assignment(std::string_view text);

}  // namespace ablate
