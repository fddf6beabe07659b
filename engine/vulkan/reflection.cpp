#include "base/error.h"
#include "vulkan/shader.h"

#include <spirv_cross_c.h>

#include <algorithm>
#include <set>
#include <span>

namespace ablate {
namespace {

bool is_cooperative_type(std::uint32_t op) { return op == 4456 || op == 5370 || op == 5371; }  // matrix, tensor layout, tensor view

// Whether the declaration `op` with `words` is made of a type in `removed`. Only operands that are ids are looked at.
bool uses_removed(std::uint32_t op, std::span<const std::uint32_t> words, const std::set<std::uint32_t>& removed) {
  const auto any_from = [&](std::size_t first) {
    return std::any_of(words.begin() + static_cast<std::ptrdiff_t>(std::min(first, words.size())), words.end(),
                       [&](std::uint32_t id) { return removed.contains(id); });
  };
  if (op == SpvOpTypeInt || op == SpvOpTypeFloat) return false;
  if (op == SpvOpTypePointer) return removed.contains(words[3]);
  if (op == SpvOpTypeVector || op == SpvOpTypeMatrix) return removed.contains(words[2]);
  if (op >= SpvOpTypeVoid && op <= SpvOpTypeFunction) return any_from(2);
  if (op == SpvOpConstantComposite || op == SpvOpSpecConstantComposite) return removed.contains(words[1]) || any_from(3);
  const bool typed = (op >= SpvOpConstantTrue && op <= SpvOpSpecConstantOp) || op == SpvOpVariable;
  return typed && removed.contains(words[1]);
}

// SPIRV-Cross as Debian has it cannot read cooperative matrices. What a module expects of the host does not depend on them: without their
// types and what is made of them, and with empty function bodies, it reads the rest.
std::vector<std::uint32_t> without_cooperative_matrices(const std::vector<std::uint32_t>& spirv) {
  constexpr std::size_t header = 5;
  std::vector<std::uint32_t> kept(spirv.begin(), spirv.begin() + std::min(header, spirv.size()));
  std::set<std::uint32_t> removed;
  bool in_function = false;
  for (std::size_t at = header; at < spirv.size();) {
    const std::uint32_t op = spirv[at] & 0xffffu, count = std::max(spirv[at] >> 16, 1u);
    const auto words = std::span(spirv).subspan(at, std::min<std::size_t>(count, spirv.size() - at));
    at += words.size();
    const bool result_first = op >= SpvOpTypeVoid && op <= SpvOpTypeFunction;
    if (op == SpvOpFunction) in_function = true;
    if (in_function) {
      if (op == SpvOpFunction || op == SpvOpFunctionEnd) kept.insert(kept.end(), words.begin(), words.end());
      if (op == SpvOpFunction) kept.insert(kept.end(), {2u << 16 | SpvOpLabel, spirv[3] + words[2], 1u << 16 | SpvOpUnreachable});
      if (op == SpvOpFunctionEnd) in_function = false;
    } else if (is_cooperative_type(op)) {
      removed.insert(words[1]);
    } else if (uses_removed(op, words, removed)) {
      removed.insert(words[result_first ? 1 : 2]);
    } else {
      kept.insert(kept.end(), words.begin(), words.end());
    }
  }
  if (removed.empty()) return spirv;
  kept[3] *= 2;  // the bound on ids: every function got a label of its own
  return kept;
}

void check_spvc(spvc_result result, const std::string& name) {
  require(result == SPVC_SUCCESS, "shader {}: its SPIR-V cannot be read ({})", name, static_cast<int>(result));
}

// RAII around the C interface's one owner.
struct Context {
  spvc_context handle = nullptr;
  explicit Context(const std::string& name) { check_spvc(spvc_context_create(&handle), name); }
  ~Context() { spvc_context_destroy(handle); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

Access access_of(std::string_view type) {
  if (type.starts_with("InOut")) return Access::read_write;
  if (type.starts_with("In")) return Access::read;
  return type.starts_with("Out") ? Access::write : Access::none;
}

PushField field_of(spvc_compiler compiler, const std::string& shader, spvc_type block, unsigned index) {
  PushField field;
  field.name = spvc_compiler_get_member_name(compiler, spvc_type_get_base_type_id(block), index);
  check_spvc(spvc_compiler_type_struct_member_offset(compiler, block, index, &field.offset), shader);
  const spvc_type type = spvc_compiler_get_type_handle(compiler, spvc_type_get_member_type(block, index));
  const spvc_basetype base = spvc_type_get_basetype(type);
  if (spvc_type_get_storage_class(type) == SpvStorageClassPhysicalStorageBuffer) {
    field.kind = 'p';
    field.access = access_of(spvc_compiler_get_name(compiler, spvc_type_get_base_type_id(type)));
    require(field.access != Access::none, "shader {}: the type of push constant {} must be named In..., Out... or InOut...", shader,
            field.name);
    return field;
  }
  field.kind = base == SPVC_BASETYPE_UINT32 ? 'u' : base == SPVC_BASETYPE_INT32 ? 'i' : base == SPVC_BASETYPE_FP32 ? 'f' : '?';
  const bool scalar = spvc_type_get_vector_size(type) == 1 && spvc_type_get_num_array_dimensions(type) == 0;
  require(field.kind != '?' && scalar, "shader {}: push constant {} must be a pointer, uint, int or float", shader, field.name);
  return field;
}

void read_push_block(spvc_compiler compiler, const std::string& name, spvc_resources resources, Reflection& reflection) {
  const spvc_reflected_resource* blocks = nullptr;
  std::size_t count = 0;
  check_spvc(spvc_resources_get_resource_list_for_type(resources, SPVC_RESOURCE_TYPE_PUSH_CONSTANT, &blocks, &count), name);
  if (count == 0) return;
  const spvc_type block = spvc_compiler_get_type_handle(compiler, blocks[0].base_type_id);
  for (unsigned i = 0; i < spvc_type_get_num_member_types(block); ++i) {
    reflection.push.push_back(field_of(compiler, name, block, i));
    reflection.push_bytes = reflection.push.back().offset + (reflection.push.back().kind == 'p' ? 8 : 4);
  }
  require(reflection.push_bytes <= 128, "shader {}: {} bytes of push constants, every device has only 128", name, reflection.push_bytes);
}

void refuse_descriptors(const std::string& name, spvc_resources resources) {
  for (const spvc_resource_type type :
       {SPVC_RESOURCE_TYPE_UNIFORM_BUFFER, SPVC_RESOURCE_TYPE_STORAGE_BUFFER, SPVC_RESOURCE_TYPE_STORAGE_IMAGE,
        SPVC_RESOURCE_TYPE_SAMPLED_IMAGE, SPVC_RESOURCE_TYPE_SEPARATE_IMAGE}) {
    const spvc_reflected_resource* list = nullptr;
    std::size_t count = 0;
    check_spvc(spvc_resources_get_resource_list_for_type(resources, type, &list, &count), name);
    require(count == 0, "shader {}: {} is bound through a descriptor set; kernels take pointers in their push constants", name,
            count ? list[0].name : "");
  }
}

}  // namespace

Reflection reflect(const std::string& name, const std::vector<std::uint32_t>& spirv) {
  const Context context(name);
  const std::vector<std::uint32_t> readable = without_cooperative_matrices(spirv);
  spvc_parsed_ir ir = nullptr;
  check_spvc(spvc_context_parse_spirv(context.handle, readable.data(), readable.size(), &ir), name);
  spvc_compiler compiler = nullptr;
  check_spvc(spvc_context_create_compiler(context.handle, SPVC_BACKEND_NONE, ir, SPVC_CAPTURE_MODE_TAKE_OWNERSHIP, &compiler), name);
  spvc_resources resources = nullptr;
  check_spvc(spvc_compiler_create_shader_resources(compiler, &resources), name);

  Reflection reflection;
  refuse_descriptors(name, resources);
  read_push_block(compiler, name, resources, reflection);
  const spvc_specialization_constant* constants = nullptr;
  std::size_t count = 0;
  check_spvc(spvc_compiler_get_specialization_constants(compiler, &constants, &count), name);
  for (std::size_t i = 0; i < count; ++i)
    reflection.specialization[spvc_compiler_get_name(compiler, constants[i].id)] = constants[i].constant_id;
  const SpvCapability* capabilities = nullptr;
  check_spvc(spvc_compiler_get_declared_capabilities(compiler, &capabilities, &count), name);
  reflection.capabilities.assign(capabilities, capabilities + count);
  return reflection;
}

}  // namespace ablate
