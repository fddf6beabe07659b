#include "model/gguf/gguf.h"

#include "base/error.h"
#include "model/gguf/tensor_types.h"
#include "model/tokenizer/unicode.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>

namespace ablate {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF numbers are copied as they stand");

constexpr std::string_view magic = "GGUF";
constexpr std::uint64_t longest_name = 65535;

/// The types of values, as files number them.
enum class ValueType : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

/// Takes the file apart from its start on. `what` says what is being read, for a file that ends within it.
class Reader {
 public:
  Reader(std::span<const std::byte> file, std::string_view where) : file_(file), where_(where) {}

  std::string what = "the header";
  std::string_view where() const { return where_; }
  std::uint64_t at() const { return at_; }
  std::uint64_t left() const { return file_.size() - at_; }

  template <class T>
  T number() {
    need(sizeof(T));
    T value;
    std::memcpy(&value, file_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  std::string_view string() {
    const auto length = number<std::uint64_t>();
    need(length);
    const std::string_view text(reinterpret_cast<const char*>(file_.data()) + at_, length);
    at_ += length;
    return text;
  }

  /// A count of things that take at least so many bytes each.
  std::uint64_t count(std::uint64_t bytes_each) {
    const auto found = number<std::uint64_t>();
    require(found <= left() / bytes_each, "{}: {}: there can be no {} of them in the {} bytes that are left (was the file cut short?)",
            where_, what, found, left());
    return found;
  }

 private:
  void need(std::uint64_t bytes) const {
    require(bytes <= left(), "{}: ends in {}: {} bytes are needed at byte {}, {} are left (was it cut short?)", where_, what, bytes, at_,
            left());
  }

  std::span<const std::byte> file_;
  std::string_view where_;
  std::uint64_t at_ = magic.size();
};

/// The double of the shortest decimal that is nearest to `value`: 1e-5, not 9.99999974e-06.
double as_written(float value) { return std::strtod(fmt::format("{}", value).c_str(), nullptr); }

template <class T>
std::int64_t integer(Reader& in) {
  const T value = in.number<T>();
  require(std::in_range<std::int64_t>(value), "{}: {}: {} does not fit 63 bits", in.where(), in.what, value);
  return static_cast<std::int64_t>(value);
}

bool boolean(Reader& in) {
  const auto value = in.number<std::uint8_t>();
  require(value <= 1, "{}: {}: expected a boolean, 0 or 1, found {}", in.where(), in.what, value);
  return value == 1;
}

/// `count` values, each read by `read`.
template <class T, class Read>
std::vector<T> many(Reader& in, std::uint64_t bytes_each, const Read& read) {
  const std::uint64_t count = in.count(bytes_each);
  std::vector<T> values;
  values.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) values.push_back(read(in));
  return values;
}

[[noreturn]] void refuse_value_type(const Reader& in, std::uint32_t type, const char* kind) {
  bad_input("{}: {}: its type {} is no type of a {}", in.where(), in.what, type, kind);
}

GgufValue array(Reader& in) {
  using Integer = std::int64_t;
  const auto type = in.number<std::uint32_t>();
  switch (static_cast<ValueType>(type)) {
    case ValueType::u8: return many<Integer>(in, 1, integer<std::uint8_t>);
    case ValueType::i8: return many<Integer>(in, 1, integer<std::int8_t>);
    case ValueType::u16: return many<Integer>(in, 2, integer<std::uint16_t>);
    case ValueType::i16: return many<Integer>(in, 2, integer<std::int16_t>);
    case ValueType::u32: return many<Integer>(in, 4, integer<std::uint32_t>);
    case ValueType::i32: return many<Integer>(in, 4, integer<std::int32_t>);
    case ValueType::u64: return many<Integer>(in, 8, integer<std::uint64_t>);
    case ValueType::i64: return many<Integer>(in, 8, integer<std::int64_t>);
    case ValueType::boolean: return many<Integer>(in, 1, boolean);
    case ValueType::f32: return many<double>(in, 4, [](Reader& r) { return as_written(r.number<float>()); });
    case ValueType::f64: return many<double>(in, 8, [](Reader& r) { return r.number<double>(); });
    case ValueType::string: return many<std::string_view>(in, 8, [](Reader& r) { return r.string(); });
    case ValueType::array: break;
  }
  refuse_value_type(in, type, "value in an array");
}

GgufValue value(Reader& in) {
  const auto type = in.number<std::uint32_t>();
  switch (static_cast<ValueType>(type)) {
    case ValueType::u8: return integer<std::uint8_t>(in);
    case ValueType::i8: return integer<std::int8_t>(in);
    case ValueType::u16: return integer<std::uint16_t>(in);
    case ValueType::i16: return integer<std::int16_t>(in);
    case ValueType::u32: return integer<std::uint32_t>(in);
    case ValueType::i32: return integer<std::int32_t>(in);
    case ValueType::u64: return integer<std::uint64_t>(in);
    case ValueType::i64: return integer<std::int64_t>(in);
    case ValueType::f32: return as_written(in.number<float>());
    case ValueType::f64: return in.number<double>();
    case ValueType::boolean: return boolean(in);
    case ValueType::string: return in.string();
    case ValueType::array: return array(in);
  }
  refuse_value_type(in, type, "value");
}

/// A name of a key or a tensor, which messages can print.
std::string name(Reader& in, std::uint64_t longest) {
  const std::string_view text = in.string();
  const bool printable = std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 32; });
  require(!text.empty() && text.size() <= longest && printable && is_valid_utf8(text),
          "{}: {}: its name is no line of 1 to {} bytes of UTF-8", in.where(), in.what, longest);
  return std::string(text);
}

void check_version(Reader& in) {
  const auto version = in.number<std::uint32_t>();
  require((version & 0xffff) != 0, "{}: is a GGUF file for big-endian machines, which is not read", in.where());
  require(version == 2 || version == 3, "{}: is a GGUF file of version {}; versions 2 and 3 are read", in.where(), version);
}

std::uint64_t alignment_of(const GgufMetadata& metadata, std::string_view where) {
  const auto found = metadata.find("general.alignment");
  if (found == metadata.end()) return 32;
  const auto* bytes = std::get_if<std::int64_t>(&found->second);
  const bool good = bytes && *bytes > 0 && *bytes <= (1 << 30) && std::has_single_bit(static_cast<std::uint64_t>(*bytes));
  require(good, "{}: general.alignment: expected a power of two up to 2^30{}", where, bytes ? fmt::format(", found {}", *bytes) : "");
  return static_cast<std::uint64_t>(*bytes);
}

/// A row of the table of tensors; `view` has no bytes yet.
struct TableRow {
  TensorView view;
  std::uint64_t offset = 0, bytes = 0;
};

/// Bytes that the tensor takes; its rows must be whole blocks.
std::uint64_t byte_count(const TensorView& view) {
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  const TensorBlock block = block_of(view.dtype);
  const std::int64_t row = view.shape.empty() ? 1 : view.shape.back();
  require(row % static_cast<std::int64_t>(block.values) == 0,
          "{}: its rows of {} values are not made of whole blocks of {}, as {} has them", view.where, row, block.values, view.dtype);
  std::uint64_t values = 1;
  for (const std::int64_t size : view.shape) {
    require(values <= most / 64 / static_cast<std::uint64_t>(size), "{}: its shape ({}) is beyond all files", view.where,
            fmt::join(view.shape, ", "));
    values *= static_cast<std::uint64_t>(size);
  }
  return values / block.values * block.bytes;
}

TableRow table_row(Reader& in, std::string& name_out) {
  constexpr std::uint32_t most_dimensions = 4;
  name_out = name(in, 63);
  in.what = fmt::format("the tensor {}", name_out);
  TableRow row{.view = {.dtype = "", .shape = {}, .bytes = {}, .where = fmt::format("{}: {}", in.where(), name_out)}};
  const auto dimensions = in.number<std::uint32_t>();
  require(dimensions <= most_dimensions, "{}: expected up to {} dimensions, found {}", row.view.where, most_dimensions, dimensions);
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    const auto size = in.number<std::uint64_t>();
    require(size >= 1 && size <= std::numeric_limits<std::int64_t>::max() / 64, "{}: its dimension {} is {}", row.view.where, i, size);
    row.view.shape.insert(row.view.shape.begin(), static_cast<std::int64_t>(size));  // innermost first, there
  }
  row.view.dtype = tensor_type(in.number<std::uint32_t>(), row.view.where);
  row.offset = in.number<std::uint64_t>();
  row.bytes = byte_count(row.view);
  return row;
}

/// Every tensor where the one before it ends, but for padding.
void check_tiling(const std::vector<const TableRow*>& sorted, std::uint64_t alignment, std::uint64_t data, std::string_view where) {
  const auto padded = [&](std::uint64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; };
  std::uint64_t end = 0;
  for (const TableRow* row : sorted) {
    const std::string& name = row->view.where;
    require(row->offset % alignment == 0, "{}: begins at byte {} of the data, no multiple of {}, the file's alignment", name, row->offset,
            alignment);
    require(row->offset <= data && row->bytes <= data - row->offset,
            "{}: its {} bytes from byte {} do not lie in the {} that the file holds (was it cut short?)", name, row->bytes, row->offset,
            data);
    require(row->offset >= end, "{}: its bytes overlap those of the tensor before it", name);
    require(row->offset == padded(end), "{}: {} bytes before it belong to no tensor", name, row->offset - end);
    end = row->offset + row->bytes;
  }
  require(data <= padded(end), "{}: the tensors take {} bytes, the file holds {}", where, end, data);
}

}  // namespace

bool is_gguf(std::span<const std::byte> file) {
  return file.size() >= 8 && std::memcmp(file.data(), magic.data(), magic.size()) == 0 && std::to_integer<int>(file[4]) < 32;
}

bool is_gguf_file(const std::filesystem::path& path) {
  std::error_code none;
  if (!std::filesystem::is_regular_file(path, none)) return false;
  try {
    return is_gguf(MappedFile(path).bytes());
  } catch (const InputError&) {
    return false;
  }
}

void parse_gguf(std::span<const std::byte> file, std::string_view where, GgufMetadata& metadata, TensorMap& tensors) {
  require(is_gguf(file), "{}: is no GGUF file", where);
  Reader in(file, where);
  check_version(in);
  constexpr std::uint64_t least_tensor = 8 + 4 + 4 + 8, least_entry = 8 + 4 + 1;
  in.what = "the number of tensors";
  const std::uint64_t tensor_count = in.count(least_tensor);
  in.what = "the number of entries of the metadata";
  const std::uint64_t entry_count = in.count(least_entry);
  for (std::uint64_t i = 0; i < entry_count; ++i) {
    in.what = fmt::format("entry {} of {} of the metadata", i + 1, entry_count);
    const std::string key = name(in, longest_name);
    in.what = key;
    require(metadata.emplace(key, value(in)).second, "{}: {}: is given twice", where, key);
  }
  std::vector<std::pair<std::string, TableRow>> rows(tensor_count);
  for (std::uint64_t i = 0; i < tensor_count; ++i) {
    in.what = fmt::format("entry {} of {} of the table of tensors", i + 1, tensor_count);
    rows[i].second = table_row(in, rows[i].first);
  }
  const std::uint64_t alignment = alignment_of(metadata, where), header = in.at();
  const std::uint64_t start = std::min<std::uint64_t>((header + alignment - 1) / alignment * alignment, file.size());
  const std::span<const std::byte> data = file.subspan(start);
  std::vector<const TableRow*> sorted;
  for (auto& [name, row] : rows) sorted.push_back(&row);
  std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return std::pair(a->offset, a->bytes) < std::pair(b->offset, b->bytes); });
  check_tiling(sorted, alignment, data.size(), where);
  for (auto& [name, row] : rows) {
    row.view.bytes = data.subspan(row.offset, row.bytes);
    require(tensors.emplace(name, std::move(row.view)).second, "{}: two tensors are named \"{}\"", where, name);
  }
}

GgufFile::GgufFile(const std::filesystem::path& path) : path_(path), file_(path) {
  parse_gguf(file_.bytes(), path.string(), metadata_, tensors_);
}

std::string GgufFile::place_of(std::string_view key) const { return fmt::format("{}: {}", path_.string(), key); }

void GgufFile::refuse_type(std::string_view key, const GgufValue& expected) const {
  constexpr const char* names[] = {"true or false", "an integer", "a number", "a string", "integers", "numbers", "strings"};
  bad_input("{}: expected {}, found {}", place_of(key), names[expected.index()], names[metadata_.find(key)->second.index()]);
}

}  // namespace ablate
