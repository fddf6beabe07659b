#include "model/checkpoint.h"

#include "base/error.h"
#include "model/architectures/architecture.h"
#include "model/checkpoint_files.h"
#include "model/exported_tensors.h"
#include "model/parameters.h"
#include "model/tensor_names.h"

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
  const bool readable = tensor.dtype == "F32" || tensor.dtype == "F16" || tensor.dtype == "BF16" || tensor.dtype == "F64";
  require(readable, "{}: expected F32, F16, BF16 or F64, found {}", tensor.where, tensor.dtype);
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

/// The class it came from, or one of our own, whose tensors are the parameters.
const Architecture& architecture_of(const TransformerConfig& config) {
  static const Architecture own{};
  const auto found = Architectures::all().find(config.origin.name);
  return found == Architectures::all().end() ? own : found->second;
}

}  // namespace

CheckpointFolder::CheckpointFolder(const fs::path& folder) : folder_(folder) {
  const fs::path config = config_file(folder);
  config_ = parse_model_config(read_text(config), config.string(), &notes_);
  architecture_ = &architecture_of(config_);
  embedding_name_ = architecture_->placement(config_, {std::string(embedding), {}, ParameterKind::embedding}).name;
  head_name_ = architecture_->placement(config_, {std::string(head), {}, ParameterKind::head}).name;
  files_ = open_weight_files(folder, notes_);
  std::vector<std::string> names;
  for (const auto& file : files_)
    for (const auto& [name, tensor] : file->tensors()) names.push_back(name);
  const std::string quantization = quantization_of(names);
  require(quantization.empty(), "{}: holds quantized weights, which are not supported ({}); take the model before it was quantized",
          folder.string(), quantization);
  gather(names);
  place_parameters(names);
  check_tied_head();
  if (const std::string narrowed = describe_narrowed(tensors_, dtype()); !narrowed.empty())
    notes_.push_back(fmt::format("{}: {} matrices are kept as {}, as most of the weights are stored; model.stored says otherwise",
                                 folder.string(), narrowed, name_of(dtype())));
}

/// Tensors that files have and the model doesn't need.
bool CheckpointFolder::is_surplus(const std::string& name) const {
  return (config_.tie_embeddings && name == head_name_) || name.ends_with("rotary_emb.inv_freq") ||
         (architecture_->surplus && architecture_->surplus(name));
}

/// All tensors by the names of the class.
void CheckpointFolder::gather(const std::vector<std::string>& names) {
  const std::string& prefix = architecture_->prefix;
  const bool lacks_prefix = lacks_model_prefix(names, prefix, embedding_name_);
  if (lacks_prefix)
    notes_.push_back(fmt::format("{}: its tensors are named without \"{}\", and read as if they had it", folder_.string(), prefix));
  for (const auto& file : files_)
    for (const auto& [name, tensor] : file->tensors()) {
      const std::string full = lacks_prefix && name != head_name_ ? fmt::format("{}{}", prefix, name) : name;
      if (is_surplus(full)) {
        if (full == head_name_) surplus_head_ = &tensor;
        continue;
      }
      require(tensors_.emplace(full, &tensor).second, "{}: is in another shard too", tensor.where);
    }
}

std::string CheckpointFolder::place() const { return files_.size() == 1 ? files_[0]->path().string() : folder_.string(); }

/// Finds every parameter in its tensor; no tensor may be left over.
void CheckpointFolder::place_parameters(const std::vector<std::string>& names) {
  const std::string config = (folder_ / "config.json").string();
  std::set<std::string, std::less<>> left_over;
  for (const auto& [name, tensor] : tensors_) left_over.insert(name);
  for (const ParameterSpec& parameter : parameters(config_)) {
    Placement placement = architecture_->placement(config_, parameter);
    const auto found = tensors_.find(placement.name);
    if (found == tensors_.end()) {
      const std::string missing = fmt::format("{}: the tensor {} is missing", place(), placement.name);
      if (parameter.name == embedding) bad_input("{}; {}", missing, describe_names(names));
      require(parameter.name != head, "{}; if the embedding is the head too, {} must say tie_word_embeddings = true", missing, config);
      bad_input("{}", missing);
    }
    check_tensor(*found->second, placement.shape_for(parameter));
    left_over.erase(placement.name);
    stored_.emplace(parameter.name, Stored{*found->second, parameter, std::move(placement)});
  }
  require(left_over.empty(), "{}: has no place in this model ({})", left_over.empty() ? "" : tensors_[*left_over.begin()]->where, config);
}

/// Transformers 4 takes the embedding and drops the other; 5 keeps both.
void CheckpointFolder::check_tied_head() const {
  require(!surplus_head_ || same_values(*surplus_head_, at(embedding)),
          "{}: is not the embedding, though {} says tie_word_embeddings = true: say false to use it, or take it out",
          surplus_head_ ? surplus_head_->where : "", (folder_ / "config.json").string());
}

const CheckpointFolder::Stored& CheckpointFolder::find(std::string_view name) const {
  const auto found = stored_.find(name);
  require(found != stored_.end(), "{}: the tensor {} is missing", folder_.string(), name);
  return found->second;
}

void CheckpointFolder::read(std::string_view name, std::span<float> out, std::int64_t first) const {
  const Stored& stored = find(name);
  read_placed(stored.tensor, stored.parameter, stored.placement, out, first);
}

DType CheckpointFolder::dtype() const {
  std::map<std::string, std::int64_t> elements;
  for (const auto& [name, tensor] : tensors_) elements[tensor->dtype] += tensor->elements();
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
