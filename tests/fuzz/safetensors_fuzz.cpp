// Any bytes as a safetensors file, and as a config.json: read or refused with InputError, nothing else.
#include "base/error.h"
#include "model/checkpoint.h"
#include "model/parameters.h"
#include "model/safetensors.h"

#include <cstdint>

using namespace ablate;

namespace {

void read_tensors(std::span<const std::byte> bytes) {
  TensorMap tensors;
  Metadata metadata;
  parse_safetensors(bytes, "fuzz", tensors, metadata);
  for (const auto& [name, tensor] : tensors) {
    try {
      tensor.floats();
    } catch (const InputError&) {
      tensor.integers();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    read_tensors(bytes);
  } catch (const InputError&) {
  }
  try {
    parse_model_config({reinterpret_cast<const char*>(data), size}, "fuzz");
  } catch (const InputError&) {
  }
  return 0;
}
