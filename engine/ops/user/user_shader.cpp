#include "ops/user/user_shader.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/paths.h"
#include "base/settings.h"
#include "vulkan/glsl.h"
#include "vulkan/shader.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

namespace ablate {
namespace {

namespace fs = std::filesystem;

std::map<std::string, UserShaderHandle>& known_shaders() {
  static std::map<std::string, UserShaderHandle> all;
  return all;
}

bool is_identifier(const std::string& name) {
  const auto letter = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
  return !name.empty() && std::all_of(name.begin(), name.end(), letter) && std::isalpha(static_cast<unsigned char>(name.front())) &&
         name.find("__") == name.npos && !name.starts_with("gl_");
}

void require_identifier(Settings& table, const std::string& name) {
  require(is_identifier(name), "{}: expected a name of letters, digits and single \"_\"", table.where(name));
}

fs::path read_file_name(Settings& own, const Key& key) {
  own.get<std::string>(key);
  const fs::path path = read_path(own, key);
  std::error_code error;
  require(fs::is_regular_file(path, error), "{}: there is no file {}", own.where(key), path.generic_string());
  return path;
}

std::vector<UserParameter> read_parameters(Settings& own) {
  std::vector<UserParameter> all;
  Settings table = own.table({"parameters", "trained parameters, by name"});
  for (const std::string& name : table.names()) {
    require_identifier(table, name);
    Settings parameter = table.table(name);
    const bool per_channel =
        parameter.choice({"shape", "one value per channel, or one for all"}, "channels", {"channels", "scalar"}) == "channels";
    all.push_back({name, per_channel, parameter.get({"start", "value before training"}, 1.0)});
  }
  require(all.size() <= UserShader::most_parameters, "{}: expected at most {} parameters, found {}", own.where("parameters"),
          UserShader::most_parameters, all.size());
  return all;
}

std::vector<std::pair<std::string, double>> read_constants(Settings& own) {
  std::vector<std::pair<std::string, double>> all;
  Settings table = own.table({"constants", "constants of the shader, by name"});
  for (const std::string& name : table.names()) {
    require_identifier(table, name);
    all.emplace_back(name, table.get<double>({name.c_str(), "value of the constant"}));
    require(std::isfinite(all.back().second), "{}: expected a finite number", table.where(name));
  }
  return all;
}

/// What a shader can say about its parameters and constants (shaders/user/norm.glsl).
std::string declarations(const UserShader& shader, bool backward) {
  std::string text = fmt::format("#line 1 \"[shaders.{}]\"\n", shader.name);
  for (const auto& [name, value] : shader.constants) text += fmt::format("const float {} = {:.9e};\n", name, value);
  for (std::size_t n = 0; n < shader.parameters.size(); ++n) {
    const auto& [name, per_channel, start] = shader.parameters[n];
    if (per_channel) text += fmt::format("float {}(uint i) {{ return p.parameter{}.at[i]; }}\n", name, n);
    else text += fmt::format("float {}() {{ return p.parameter{}.at[0]; }}\n", name, n);
    if (!backward) continue;
    if (per_channel)
      text += fmt::format("void add_{}(uint i, float gradient) {{ p.partial{}.at[chunk_ * p.dim + i] += gradient; }}\n", name, n);
    else text += fmt::format("void add_{}(float gradient) {{ scalar_[{}] += gradient; }}\n", name, n);
  }
  return text;
}

/// The file's text, so that messages name its own lines.
std::string source(const fs::path& file) { return fmt::format("#line 1 \"{}\"\n{}\n", file.generic_string(), read_text(file)); }

/// Adds the files of `folder` that `text` and what it includes name to `functions`; notes their paths.
void add_included(UserFunctions& functions, const fs::path& folder, const std::string& text, std::vector<std::string>& files) {
  for (const std::string& name : included_names(text)) {
    std::error_code error;
    const bool plain = name.find_first_of("/\\:") == name.npos;
    if (std::string own; functions.texts.contains(name) || ShaderLibrary::include(name, own)) continue;
    if (!plain || !fs::is_regular_file(folder / name, error)) continue;  // the compiler says that it is missing
    files.push_back((folder / name).string());
    const std::string included = functions.texts[name] = read_text(folder / name);
    add_included(functions, folder, included, files);
  }
}

UserFunctions functions_of(const UserShader& shader, const UserShaderKind& kind) {
  UserFunctions functions;
  functions.texts[kind.forward_include] = declarations(shader, false) + source(shader.forward);
  if (kind.backward_include.empty()) return functions;
  const bool one_include = kind.backward_include == kind.forward_include;
  std::string& backward = functions.texts[kind.backward_include];
  if (!one_include) backward = declarations(shader, true);
  if (shader.backward.empty()) backward += kind.no_backward;
  else if (!one_include || shader.backward != shader.forward) backward += source(shader.backward);
  return functions;
}

/// A hash of everything that a compiled kernel depends on, so that a change of text or constant is another kernel.
std::string suffix_of(const UserShader& shader, const UserFunctions& functions) {
  Hasher hasher;
  for (const auto& [include, text] : functions.texts) hasher.add(include).add(text);
  return fmt::format("@{}-{}", shader.name, hasher.hex());
}

// A mistake that shows in Ablate's own text is a function that the user's file lacks.
void try_to_compile(const UserShader& shader, const std::string& kernel, const fs::path& file) {
  try {
    ShaderLibrary::compile(kernel + shader.suffix, true, true);
  } catch (const InputError& error) {
    const std::string message = error.what();
    std::string own;
    if (!ShaderLibrary::include(message.substr(0, message.find(':')), own)) throw;
    bad_input("{}: does not define what {} calls (docs/extend.md): {}", file.generic_string(), kernel, message);
  }
}

void compile_new(const UserShader& shader, const UserShaderKind& kind, UserFunctions functions) {
  static std::set<std::string> compiled;
  add_user_functions(shader.suffix, std::move(functions));
  if (compiled.contains(shader.suffix)) return;
  try_to_compile(shader, kind.forward_kernel, shader.forward);
  if (!shader.backward.empty()) try_to_compile(shader, kind.backward_kernel, shader.backward);
  compiled.insert(shader.suffix);
}

// The files that a shader is made of are the value of its forward file.
std::vector<std::string> complete(UserFunctions& functions, const UserShader& shader) {
  std::vector<std::string> files = {shader.forward.string()};
  if (!shader.backward.empty()) files.push_back(shader.backward.string());
  const auto given = functions.texts;
  for (const auto& [include, text] : given) add_included(functions, shader.forward.parent_path(), text, files);
  return files;
}

void read_user_shader(RegistrationScope& scope, Settings& own, const std::string& name, const std::string& where) {
  auto shader = std::make_shared<UserShader>();
  shader->name = name;
  shader->kind = own.get<std::string>({"kind", "what the shader is: a norm, a gate, a feed-forward's activation, a statistic, ..."});
  own.known_names("kind", UserShaderKinds::names());
  const UserShaderKind& kind = UserShaderKinds::find(own.where("kind") + ": a kind of shader", shader->kind);
  shader->constants = read_constants(own);
  require(!own.has("parameters") || kind.parameters, "{}: a {} has constants only, no trained parameters", own.where("parameters"),
          shader->kind);
  if (kind.parameters) shader->parameters = read_parameters(own);
  if (kind.read_own_keys) kind.read_own_keys(own);
  const bool backward = own.has({"backward", "GLSL file of the gradient; a shader without one is not trained"});
  if (backward) own.get<std::string>({"backward", "GLSL file of the gradient; a shader without one is not trained"});
  shader->forward = read_file_name(own, {"forward", "GLSL file of the forward function (docs/extend.md)"});
  require(!backward || !kind.backward_include.empty(), "{}: a {} has no gradient", own.where("backward"), shader->kind);
  if (backward) shader->backward = read_file_name(own, "backward");
  require(known_shaders().contains(name) || !kind.taken(name), "{}: there is a built-in {} of that name", where, shader->kind);
  UserFunctions functions = functions_of(*shader, kind);
  own.names_files("forward", complete(functions, *shader));
  if (backward) own.names_files("backward", {shader->backward.string()});
  shader->suffix = suffix_of(*shader, functions);
  compile_new(*shader, kind, std::move(functions));
  kind.add(scope, shader, own);
  scope.set(known_shaders(), name, shader);
}

}  // namespace

void UserShader::require_backward() const {
  require(!backward.empty(), "{} \"{}\" cannot be trained: shaders.{} has no backward shader (it can be probed and intervened on)", kind,
          name, name);
}

RegistrationScope read_user_shaders(Settings& experiment) {
  RegistrationScope scope;
  Settings shaders = experiment.table({"shaders", "shaders of one's own, by name"});
  for (const std::string& name : shaders.names()) {
    require_identifier(shaders, name);
    Settings own = shaders.table(name);
    read_user_shader(scope, own, name, shaders.where(name));
  }
  return scope;
}

UserShaderHandle find_user_shader(const std::string& name) {
  const auto found = known_shaders().find(name);
  return found == known_shaders().end() ? nullptr : found->second;
}

std::vector<UserShaderHandle> user_shaders() {
  std::vector<UserShaderHandle> all;
  for (const auto& [name, shader] : known_shaders()) all.push_back(shader);
  return all;
}

}  // namespace ablate
