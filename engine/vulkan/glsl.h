// GLSL to SPIR-V, at build time for Ablate's own kernels and at run time for the user's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ablate {

/// Finds the text of an include by its name ("common/kernel.glsl"); returns false if there is none.
using IncludeResolver = std::function<bool(const std::string& name, std::string& text)>;

struct GlslSource {
  std::string name;  ///< for messages
  std::string text;
  std::vector<std::string> defines;  ///< "STORAGE16=1"
};

/// Compiles one compute shader for Vulkan 1.3. Throws InputError holding the compiler's first message, "name:line: text".
std::vector<std::uint32_t> compile_glsl(const GlslSource& source, const IncludeResolver& includes);

/// The module with its 16-bit float type turned into bfloat16 (SPV_KHR_bfloat16). It may hold no constants of that type.
std::vector<std::uint32_t> with_bfloat16(const std::vector<std::uint32_t>& spirv);

/// Which compiler this is: part of the key of anything kept on disk.
int glslang_version();

/// The names that a text includes, with quotes or with <>, in order; also those that conditions or comments around them switch off.
std::vector<std::string> included_names(std::string_view text);

/// The text of `source` and everything it includes, for hashing. Missing includes are left out.
std::string with_includes(std::string_view text, const IncludeResolver& includes);

}  // namespace ablate
