#include "model/gguf/tensor_types.h"

#include "base/error.h"
#include "base/storage_format.h"
#include "model/safetensors.h"

#include <fmt/format.h>

namespace ablate {
namespace {

/// ggml.h's numbers. The names are those of safetensors where it has the type.
constexpr std::pair<std::uint32_t, std::string_view> types[] = {
    {0, "F32"},      {1, "F16"},     {2, "Q4_0"},     {3, "Q4_1"},   {6, "Q5_0"},    {7, "Q5_1"},   {8, "Q8_0"},
    {9, "Q8_1"},     {10, "Q2_K"},   {11, "Q3_K"},    {12, "Q4_K"},  {13, "Q5_K"},   {14, "Q6_K"},  {15, "Q8_K"},
    {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"}, {21, "IQ3_S"}, {22, "IQ2_S"},
    {23, "IQ4_XS"},  {24, "I8"},     {25, "I16"},     {26, "I32"},   {27, "I64"},    {28, "F64"},   {29, "IQ1_M"},
    {30, "BF16"},    {34, "TQ1_0"},  {35, "TQ2_0"},   {39, "MXFP4"}, {40, "NVFP4"}};

bool is_read(std::string_view name) { return find_format(name) || safetensors_element_size(name) > 0; }

/// "F32, F16, ...": the types that are read.
std::string list_read() {
  std::string list;
  for (const auto& [number, name] : types)
    if (is_read(name)) list += fmt::format("{}{}", list.empty() ? "" : ", ", name);
  return list;
}

}  // namespace

std::string tensor_type(std::uint32_t number, std::string_view where) {
  std::string_view found = "unknown";
  for (const auto& [known, name] : types)
    if (known == number) found = name;
  require(is_read(found), "{}: its type {} ({}) is not read; {} are", where, number, found, list_read());
  return std::string(found);
}

TensorBlock block_of(std::string_view dtype) {
  if (const StorageFormat* format = find_format(dtype)) return {format->values, format->bytes};
  return {1, safetensors_element_size(dtype)};
}

}  // namespace ablate
