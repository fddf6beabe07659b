// Kernels that an experiment file brings: [shaders.NAME] (docs/extend.md).
//
// A user's shader is some functions. They take the place of an include of Ablate's own kernels (shaders/user/functions), so that a user's
// activation, gate or attention score runs in the same kernels as the built-in ones, and a user's norm or statistic in a small frame.
#pragma once

#include "ops/op.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ablate {

class Settings;

/// Trained with the model: f32, a value for every channel or one in all.
struct UserParameter {
  std::string name;
  bool per_channel = true;
  double start = 1.0;
};

struct UserShader {
  static constexpr std::size_t most_parameters = 4;

  std::string name, kind;
  std::filesystem::path forward, backward;  ///< backward is empty where there is none
  std::vector<UserParameter> parameters;
  std::vector<std::pair<std::string, double>> constants;
  std::string suffix;  ///< "@name-1234...": after the name of a kernel, that kernel with these functions and all they include

  /// Throws InputError: without a backward shader there is nothing to train with.
  void require_backward() const;
};
using UserShaderHandle = std::shared_ptr<const UserShader>;

/// The kernel's name, with the shader's suffix if there is one.
inline std::string kernel_with(const char* kernel, const UserShaderHandle& user) { return user ? kernel + user->suffix : kernel; }

/// What a shader may be for: norm, activation, gate, attention, statistic. A kind registers itself in its own file.
struct UserShaderKind {
  std::string forward_include,
      forward_kernel;  ///< what the forward file takes the place of, and a kernel that is compiled to find mistakes
  std::string backward_include, backward_kernel;       ///< the same for the backward file; empty where the kind has no gradient
  std::string no_backward{};                           ///< stands in for the backward file where both share an include
  bool parameters = false;                             ///< whether it can have trained parameters
  std::function<bool(const std::string& name)> taken;  ///< whether the name is known already (built in)
  /// Makes the name known as long as `scope` lives.
  std::function<void(RegistrationScope& scope, const UserShaderHandle&, Settings& own)> add;
  /// Asks for the keys that this kind has beside those of every kind, before any file is read; may be empty.
  std::function<void(Settings& own)> read_own_keys{};
};
using UserShaderKinds = Registry<UserShaderKind>;

/// Reads [shaders], compiles what is new in it, and makes its names known as long as what it returns lives: a point of a sweep has its own
/// shaders and no other's. Throws InputError: "file:line: ..." of a shader, or the place in the experiment file.
[[nodiscard]] RegistrationScope read_user_shaders(Settings& experiment);

/// The user's shader of that name, or null for a built-in or unknown one.
UserShaderHandle find_user_shader(const std::string& name);

/// Every user's shader that is known now.
std::vector<UserShaderHandle> user_shaders();

}  // namespace ablate
