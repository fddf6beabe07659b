#include "model/checkpoint.h"

#include "base/error.h"
#include "base/storage_format.h"
#include "model/architectures/mxfp4.h"
#include "model/exported_tensors.h"
#include "model/gguf/gguf.h"
#include "model/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace ablate {
namespace fs = std::filesystem;
namespace {

constexpr const char* single_name = "model.safetensors";
constexpr std::string_view embedding = "model.embed_tokens.weight", head = "lm_head.weight";

void check_tensor(const TensorView& tensor, const std::vector<std::int64_t>& shape) {
  require(tensor.shape == shape, "{}: expected shape ({}), found ({})", tensor.where, fmt::join(shape, ", "),
          fmt::join(tensor.shape, ", "));
  const bool readable =
      tensor.dtype == "F32" || tensor.dtype == "F16" || tensor.dtype == "BF16" || tensor.dtype == "F64" || find_format(tensor.dtype);
  require(readable, "{}: expected F32, F16, BF16 or F64, found {}", tensor.where, tensor.dtype);
}

void check_placed(const std::vector<const TensorView*>& tensors, const ParameterSpec& parameter, const Placement& placement) {
  const std::vector<std::int64_t> shape = placement.shape_for(parameter);
  if (!placement.scales.empty()) return check_mxfp4(*tensors[0], *tensors[1], shape[0], shape[1], shape[2]);
  for (const TensorView* tensor : tensors) check_tensor(*tensor, shape);
}

bool same_values(const TensorView& a, const TensorView& b) {
  if (a.shape != b.shape) return false;
  if (a.dtype == b.dtype) return std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end());
  constexpr std::int64_t piece = 1 << 20;
  std::vector<float> of_a, of_b;
  for (std::int64_t first = 0; first < a.elements(); first += piece) {
    of_a.resize(static_cast<std::size_t>(std::min(piece, a.elements() - first)));
    of_b.resize(of_a.size());
    a.read(of_a, first);
    b.read(of_b, first);
    if (of_a != of_b) return false;
  }
  return true;
}

/// Matrices that are kept in fewer bits than the file has them, as most of the others are.
std::string describe_narrowed(const std::map<std::string, const TensorView*, std::less<>>& tensors, DType stored) {
  std::map<std::string, int> wider;
  for (const auto& [name, tensor] : tensors)
    if (tensor->shape.size() > 1 && safetensors_element_size(tensor->dtype) > bytes_of(stored)) ++wider[tensor->dtype];
  std::string list;
  for (const auto& [dtype, count] : wider) list += fmt::format("{}{} of {}", list.empty() ? "" : ", ", count, dtype);
  return list;
}

}  // namespace

CheckpointFolder::CheckpointFolder(const fs::path& place)
    : folder_(place), source_(is_gguf_file(place) ? open_gguf_checkpoint(place) : open_huggingface_folder(place)) {
  place_parameters();
  check_tied_head();
  if (const std::string narrowed = describe_narrowed(source_.tensors, dtype()); !narrowed.empty())
    source_.notes.push_back(fmt::format("{}: {} matrices are kept as {}, as most of the weights are stored; model.stored says otherwise",
                                        place.string(), narrowed, name_of(dtype())));
}

/// Finds every parameter in its tensor; no tensor may be left over.
void CheckpointFolder::place_parameters() {
  std::set<std::string, std::less<>> left_over;
  for (const auto& [name, tensor] : source_.tensors) left_over.insert(name);
  for (const ParameterSpec& parameter : parameters(config())) {
    Placement placement = source_.place(parameter);
    std::vector<const TensorView*> own;
    for (const std::string& name : placement.names()) {
      const auto found = source_.tensors.find(name);
      require(found != source_.tensors.end(), "{}: the tensor {} is missing{}", source_.weights_name, name,
              parameter.name == head ? source_.head_hint : "");
      own.push_back(found->second);
      left_over.erase(name);
    }
    check_placed(own, parameter, placement);
    stored_.emplace(parameter.name, Stored{std::move(own), parameter, std::move(placement)});
  }
  require(left_over.empty(), "{}: has no place in this model ({})", left_over.empty() ? "" : source_.tensors[*left_over.begin()]->where,
          source_.config_name);
}

/// Transformers 4 takes the embedding and drops the other; 5 keeps both.
void CheckpointFolder::check_tied_head() const {
  require(!source_.surplus_head || same_values(*source_.surplus_head, at(embedding)),
          "{}: is not the embedding, though {} says tie_word_embeddings = true: say false to use it, or take it out",
          source_.surplus_head ? source_.surplus_head->where : "", source_.config_name);
}

const CheckpointFolder::Stored& CheckpointFolder::find(std::string_view name) const {
  const auto found = stored_.find(name);
  require(found != stored_.end(), "{}: the tensor {} is missing", folder_.string(), name);
  return found->second;
}

void CheckpointFolder::read(std::string_view name, std::span<float> out, std::int64_t first) const {
  const Stored& stored = find(name);
  read_placed(stored.tensors, stored.parameter, stored.placement, out, first);
}

std::optional<DType> CheckpointFolder::block_type(std::string_view name) const {
  const Stored& stored = find(name);
  const StorageFormat* format = find_format(stored.tensors.front()->dtype);
  const bool same = std::all_of(stored.tensors.begin(), stored.tensors.end(),
                                [&](const TensorView* tensor) { return tensor->dtype == stored.tensors.front()->dtype; });
  if (!format || !same || stored.placement.transposed) return std::nullopt;
  return type_of(*format);
}

void CheckpointFolder::read_rows(std::string_view name, std::span<std::byte> out, std::int64_t first_row) const {
  const Stored& stored = find(name);
  read_placed_rows(stored.tensors, stored.parameter, stored.placement, out, first_row);
}

void CheckpointFolder::drop(std::string_view name) const {
  for (const TensorView* tensor : find(name).tensors) drop_pages(tensor->bytes);
}

DType CheckpointFolder::dtype() const {
  std::map<std::string, std::int64_t> elements;
  for (const auto& [name, tensor] : source_.tensors) {
    if (find_format(tensor->dtype)) return DType::f32;
    elements[tensor->dtype] += tensor->elements();
  }
  const auto most = std::max_element(elements.begin(), elements.end(), [](auto& a, auto& b) { return a.second < b.second; });
  return most->first == "BF16" ? DType::bf16 : most->first == "F16" ? DType::f16 : DType::f32;
}

void write_checkpoint(const fs::path& folder, const TransformerConfig& config, std::span<const TensorToWrite> tensors, DType dtype) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw RunError(fmt::format("{}: cannot be made ({})", folder.string(), error.message()));
  write_safetensors(folder / single_name, exported_tensors(config, tensors), {{"format", "pt"}});  // Transformers asks for that entry
  write_atomically(folder / "config.json", model_config_json(config, dtype));
}

}  // namespace ablate
