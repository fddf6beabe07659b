#include "model/checkpoint.h"

#include "base/error.h"
#include "model/checkpoint_files.h"
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

/// Tensors that files have and the model doesn't need.
bool is_surplus(std::string_view name, const TransformerConfig& config) {
  return (config.tie_embeddings && name == head) || name.ends_with("rotary_emb.inv_freq");
}

void check_tensor(const TensorView& tensor, const ParameterSpec& parameter) {
  require(tensor.shape == parameter.shape, "{}: expected shape ({}), found ({})", tensor.where, fmt::join(parameter.shape, ", "),
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

/// What the folder's config.json says, and where the tensors are.
struct Opened {
  const fs::path& config_path;
  const TransformerConfig& config;
  const std::vector<std::string>& names;  ///< as the files have them
};

[[noreturn]] void refuse_missing(const Opened& opened, const std::string& where, std::string_view name) {
  if (name == embedding) bad_input("{}: the tensor {} is missing; {}", where, name, describe_names(opened.names));
  if (name == head)
    bad_input("{}: the tensor {} is missing; if the embedding is the head too, {} must say tie_word_embeddings = true", where, name,
              opened.config_path.string());
  bad_input("{}: the tensor {} is missing", where, name);
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

CheckpointFolder::CheckpointFolder(const fs::path& folder) : folder_(folder) {
  const fs::path config = config_file(folder);
  config_ = parse_model_config(read_text(config), config.string(), &notes_);
  files_ = open_weight_files(folder, notes_);
  std::vector<std::string> names;
  for (const auto& file : files_)
    for (const auto& [name, tensor] : file->tensors()) names.push_back(name);
  const std::string quantization = quantization_of(names);
  require(quantization.empty(), "{}: holds quantized weights, which are not supported ({}); take the model before it was quantized",
          folder.string(), quantization);
  gather(lacks_model_prefix(names));

  std::set<std::string, std::less<>> left_over;
  for (const auto& [name, tensor] : tensors_) left_over.insert(name);
  for (const ParameterSpec& parameter : parameters(config_)) {
    if (!contains(parameter.name))
      refuse_missing({config, config_, names}, files_.size() == 1 ? files_[0]->path().string() : folder.string(), parameter.name);
    check_tensor(at(parameter.name), parameter);
    left_over.erase(parameter.name);
  }
  require(left_over.empty(), "{}: has no place in this model ({})", left_over.empty() ? "" : tensors_[*left_over.begin()]->where,
          config.string());
  check_tied_head(config);
  if (const std::string narrowed = describe_narrowed(tensors_, dtype()); !narrowed.empty())
    notes_.push_back(fmt::format("{}: {} matrices are kept as {}, as most of the weights are stored; model.stored says otherwise",
                                 folder.string(), narrowed, name_of(dtype())));
}

/// All tensors by the names of parameters.
void CheckpointFolder::gather(bool lacks_prefix) {
  if (lacks_prefix)
    notes_.push_back(fmt::format("{}: its tensors are named without \"model.\", and read as if they had it", folder_.string()));
  for (const auto& file : files_)
    for (const auto& [name, tensor] : file->tensors()) {
      if (is_surplus(name, config_)) {
        if (name == head) surplus_head_ = &tensor;
        continue;
      }
      require(tensors_.emplace(lacks_prefix ? with_model_prefix(name) : name, &tensor).second, "{}: is in another shard too", tensor.where);
    }
}

/// Transformers 4 takes the embedding and drops the other; 5 keeps both.
void CheckpointFolder::check_tied_head(const fs::path& config) const {
  require(!surplus_head_ || same_values(*surplus_head_, at(embedding)),
          "{}: is not the embedding, though {} says tie_word_embeddings = true: say false to use it, or take it out",
          surplus_head_ ? surplus_head_->where : "", config.string());
}

const TensorView& CheckpointFolder::at(std::string_view name) const {
  const auto found = tensors_.find(name);
  require(found != tensors_.end(), "{}: the tensor {} is missing", folder_.string(), name);
  return *found->second;
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
  write_safetensors(folder / single_name, tensors, {{"format", "pt"}});  // Transformers asks for that entry
  write_atomically(folder / "config.json", model_config_json(config, dtype));
}

}  // namespace ablate
