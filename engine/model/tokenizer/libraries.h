// The libraries whose tables and rules decide ids.
#pragma once

#include <string>

namespace ablate {

/// "oniguruma 6.9.8, utf8proc 2.8.0 (Unicode 15.0.0)", of the libraries that this process runs with: another version may give other ids.
std::string tokenizer_libraries();

}  // namespace ablate
