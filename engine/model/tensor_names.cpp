#include "model/tensor_names.h"

#include <fmt/format.h>

#include <algorithm>

namespace ablate {
namespace {

constexpr std::string_view flat_embedding = "embed_tokens.weight";

/// Endings of tensors that only quantized files have.
constexpr std::pair<std::string_view, std::string_view> quantized[] = {{".qweight", "GPTQ or AWQ"},
                                                                       {".qzeros", "GPTQ or AWQ"},
                                                                       {".g_idx", "GPTQ"},
                                                                       {".weight_packed", "compressed-tensors"},
                                                                       {".weight_scale", "8 bits"},
                                                                       {".weight_scale_inv", "8 bits"},
                                                                       {".weight.absmax", "bitsandbytes"},
                                                                       {".weight.quant_map", "bitsandbytes"},
                                                                       {".SCB", "bitsandbytes"},
                                                                       {".W_q", "HQQ"}};

/// What wrappers put in front of all names, and how to save without it.
constexpr std::pair<std::string_view, std::string_view> wrappers[] = {
    {"_orig_mod.", "of torch.compile: save the model that was compiled (model._orig_mod)"},
    {"base_model.model.", "of PEFT: merge the adapter and save the base model (model.merge_and_unload())"},
    {"module.", "of DataParallel or DistributedDataParallel: save the model inside (model.module)"},
    {"_fsdp_wrapped_module.", "of FSDP: save the full state of the model inside"},
    {"language_model.", "of a model of several modalities: save its language model"}};

/// A tensor that every model of another naming has.
constexpr std::pair<std::string_view, std::string_view> namings[] = {
    {"tok_embeddings.weight", "Meta's names: convert it (transformers: convert_llama_weights_to_hf.py)"},
    {"token_embd.weight", "GGUF's names: take the GGUF file, or the model's original folder"},
    {"wte.weight", "GPT-2's names"},
    {"gpt_neox.embed_in.weight", "GPT-NeoX's names"}};

bool holds(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool lacks_model_prefix(const std::vector<std::string>& names, std::string_view prefix, std::string_view embedding) {
  return embedding.starts_with(prefix) && holds(names, embedding.substr(prefix.size())) &&
         std::none_of(names.begin(), names.end(), [&](const std::string& name) { return name.starts_with(prefix); });
}

std::string quantization_of(const std::vector<std::string>& names) {
  for (const auto& [ending, scheme] : quantized)
    for (const std::string& name : names)
      if (name.ends_with(ending)) return fmt::format("{}: {}", scheme, name);
  return "";
}

std::string describe_names(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (name.find(".lora_A") != name.npos) return fmt::format("it holds {}: a LoRA adapter; merge it into its base model", name);
  const auto wrapped = std::find_if(names.begin(), names.end(), [](auto& name) { return name.ends_with(flat_embedding); });
  for (const auto& [prefix, advice] : wrappers)
    if (wrapped != names.end() && wrapped->find(prefix) != wrapped->npos)
      return fmt::format("it holds {}: \"{}\" is {}", *wrapped, prefix, advice);
  for (const auto& [ending, whose] : namings)
    for (const std::string& name : names)
      if (name.ends_with(ending)) return fmt::format("it holds {}: {}", name, whose);
  if (wrapped != names.end()) return fmt::format("it holds {} in its place", *wrapped);
  return names.empty() ? "it holds no tensors" : fmt::format("it holds {} tensors: {}, ...", names.size(), names.front());
}

}  // namespace ablate
