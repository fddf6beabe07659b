#include "base/storage_format.h"

namespace ablate {

const StorageFormat& format_of(DType type) {
  for (const auto& [name, format] : StorageFormats::all())
    if (type_of(format) == type) return format;
  bad_input("there is no storage format of the number {}", static_cast<std::uint32_t>(type));
}

const StorageFormat* find_format(std::string_view file_name) {
  const auto found = StorageFormats::all().find(std::string(file_name));
  return found == StorageFormats::all().end() ? nullptr : &found->second;
}

std::optional<DType> parse_type(std::string_view name) {
  for (const DType type : {DType::f32, DType::f16, DType::bf16, DType::i32, DType::u16})
    if (name_of(type) == name) return type;
  for (const auto& [file_name, format] : StorageFormats::all())
    if (format.name == name) return type_of(format);
  return std::nullopt;
}

BlockSize block_of(DType type) {
  if (!is_blocks(type)) return {1, static_cast<std::uint32_t>(bytes_of(type))};
  const StorageFormat& format = format_of(type);
  return {format.values, format.bytes};
}

}  // namespace ablate
