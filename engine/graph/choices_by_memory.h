#pragma once

#include <string_view>

namespace ablate {

/// Questions of Choices that begin so are answered by how much memory happens to be free, not by what is fastest: a run's folder keeps the
/// answers, so that a resumed run has the same; the cache does not, which later runs on a device share.
inline constexpr std::string_view choices_by_memory = "sequences at once";

}  // namespace ablate
