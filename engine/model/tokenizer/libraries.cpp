#include "model/tokenizer/libraries.h"

#include <fmt/core.h>
#include <oniguruma.h>
#include <utf8proc.h>

namespace ablate {

std::string tokenizer_libraries() {
  return fmt::format("oniguruma {}, utf8proc {} (Unicode {})", onig_version(), utf8proc_version(), utf8proc_unicode_version());
}

}  // namespace ablate
