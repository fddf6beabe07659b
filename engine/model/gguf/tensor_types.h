// The types that GGUF files give tensors, by number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ablate {

/// The name of a type that is read (TensorView::dtype). Throws InputError "where: ..." naming one that is not.
std::string tensor_type(std::uint32_t number, std::string_view where);

/// Values that are stored together, and in how many bytes; 1 value where each stands alone.
struct TensorBlock {
  std::size_t values, bytes;
};
/// Of a name that tensor_type gave.
TensorBlock block_of(std::string_view dtype);

}  // namespace ablate
