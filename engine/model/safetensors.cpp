#include "model/safetensors.h"

#include "base/content.h"
#include "base/error.h"
#include "base/json.h"
#include "base/storage_format.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <set>

namespace ablate {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t header_limit = 100'000'000;  // as in the reference implementation

constexpr std::pair<std::string_view, std::size_t> element_sizes[] = {{"F64", 8}, {"F32", 4}, {"F16", 2},  {"BF16", 2},    {"I64", 8},
                                                                      {"I32", 4}, {"I16", 2}, {"I8", 1},   {"U64", 8},     {"U32", 4},
                                                                      {"U16", 2}, {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};

/// The text between the size and the data.
std::string_view header_text(std::span<const std::byte> file, std::string_view where) {
  std::uint64_t size = 0;
  if (file.size() >= 8) std::memcpy(&size, file.data(), 8);
  const bool fits = file.size() >= 8 && size <= header_limit && size <= file.size() - 8;
  const std::string_view text = fits ? std::string_view(reinterpret_cast<const char*>(file.data()) + 8, size) : "";
  if (text.starts_with("{")) return text;
  if (const std::string what = describe_content(file); !what.empty()) bad_input("{}: is {}; expected a safetensors file", where, what);
  require(file.size() >= 8, "{}: {} bytes are no safetensors file", where, file.size());
  require(fits, "{}: the header says it has {} bytes, the file has {} in all (was it cut short?)", where, size, file.size());
  return text;
}

/// The header as JSON. A parser keeps the last of two equal names; here they are an error.
Json parse_header(std::string_view text, std::string_view where) {
  std::set<std::string, std::less<>> names;
  std::string repeated;
  const auto on_event = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key && depth == 1 && !names.insert(parsed.get<std::string>()).second)
      repeated = parsed.get<std::string>();
    return true;
  };
  const Json header = Json::parse(text, on_event, /*allow_exceptions=*/false);
  if (header.is_discarded()) refuse_json(text, fmt::format("{}: the header", where));
  require(header.is_object(), "{}: the header is not a JSON object", where);
  require(repeated.empty(), "{}: two tensors are named \"{}\"", where, repeated);
  return header;
}

// Hostile headers nest deeply: entries are looked at in place, as copying and printing JSON recurse.
std::vector<std::int64_t> parse_shape(const Json& entry, std::string_view where) {
  const auto sizes = entry.find("shape");
  require(sizes != entry.end() && sizes->is_array(), "{}: has no shape", where);
  std::vector<std::int64_t> shape;
  for (const Json& size : *sizes) {
    require(size.is_number_unsigned() && size.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()},
            "{}: its shape has a size that is no count", where);
    shape.push_back(size.get<std::int64_t>());
  }
  return shape;
}

std::pair<std::uint64_t, std::uint64_t> parse_offsets(const Json& entry, std::string_view where) {
  const auto offsets = entry.find("data_offsets");
  const bool good = offsets != entry.end() && offsets->is_array() && offsets->size() == 2 && (*offsets)[0].is_number_unsigned() &&
                    (*offsets)[1].is_number_unsigned();
  require(good, "{}: has no data_offsets [begin, end]", where);
  return {(*offsets)[0].get<std::uint64_t>(), (*offsets)[1].get<std::uint64_t>()};
}

/// Elements times `element_size`, or nothing when that does not fit 63 bits.
std::optional<std::uint64_t> byte_count(const std::vector<std::int64_t>& shape, std::size_t element_size) {
  std::uint64_t bytes = element_size;
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  for (const std::int64_t size : shape) {
    if (bytes > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / size)) return std::nullopt;
    bytes *= static_cast<std::uint64_t>(size);
  }
  return bytes;
}

TensorView parse_tensor(const Json& entry, std::span<const std::byte> data, std::string where) {
  require(entry.is_object() && entry.contains("dtype") && entry["dtype"].is_string(), "{}: has no dtype", where);
  TensorView tensor{entry["dtype"].get<std::string>(), parse_shape(entry, where), {}, std::move(where)};
  const auto [begin, end] = parse_offsets(entry, tensor.where);
  require(begin <= end && end <= data.size(), "{}: its bytes {} to {} do not lie in the {} that the file holds{}", tensor.where, begin, end,
          data.size(), begin <= end ? " (was it cut short?)" : "");
  if (const std::size_t size = safetensors_element_size(tensor.dtype)) {
    const auto expected = byte_count(tensor.shape, size);
    require(expected && *expected == end - begin, "{}: shape {} of {} needs {} bytes, the file gives it {}", tensor.where,
            entry["shape"].dump(), tensor.dtype, expected ? fmt::to_string(*expected) : "more than 2^63", end - begin);
  }
  require(!find_format(tensor.dtype), "{}: {} is a type of GGUF files, not of safetensors", tensor.where, tensor.dtype);
  tensor.bytes = data.subspan(begin, end - begin);
  return tensor;
}

/// Tensors must tile the data: nothing shared, nothing hidden between them or at the end.
void check_tiling(const TensorMap& tensors, std::span<const std::byte> data, std::string_view where) {
  std::vector<const TensorView*> sorted;
  for (const auto& [name, tensor] : tensors) sorted.push_back(&tensor);
  const auto begin = [&](const TensorView* t) { return t->bytes.data() - data.data(); };
  std::sort(sorted.begin(), sorted.end(),
            [&](auto* a, auto* b) { return begin(a) != begin(b) ? begin(a) < begin(b) : a->bytes.size() < b->bytes.size(); });
  std::ptrdiff_t end = 0;
  for (const TensorView* tensor : sorted) {
    require(begin(tensor) >= end, "{}: its bytes overlap those of the tensor before it", tensor->where);
    require(begin(tensor) == end, "{}: {} bytes before it belong to no tensor", tensor->where, begin(tensor) - end);
    end += static_cast<std::ptrdiff_t>(tensor->bytes.size());
  }
  require(static_cast<std::size_t>(end) == data.size(), "{}: the tensors take {} bytes, the file holds {}", where, end, data.size());
}

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <class T>
void copy_integers(const TensorView& tensor, std::vector<std::int32_t>& out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const T value = load<T>(tensor.bytes.data() + i * sizeof(T));
    require(std::in_range<std::int32_t>(value), "{}: {} at element {} does not fit 32 bits", tensor.where, value, i);
    out[i] = static_cast<std::int32_t>(value);  // NOLINT(bugprone-signed-char-misuse): an i8 is a number
  }
}

/// Block by block; the first and the last may be wanted in part.
void read_blocks(const TensorView& tensor, const StorageFormat& format, std::span<float> out, std::size_t first) {
  std::vector<float> whole(format.values);
  for (std::size_t done = 0; done < out.size();) {
    const std::size_t block = (first + done) / format.values, skipped = (first + done) % format.values;
    const std::size_t count = std::min(format.values - skipped, out.size() - done);
    float* values = count == format.values ? &out[done] : whole.data();
    tensor.require_sound(block, 1);
    format.decode(tensor.bytes.data() + block * format.bytes, values);
    if (count != format.values) std::copy_n(whole.data() + skipped, count, &out[done]);
    done += count;
  }
}

}  // namespace

std::size_t safetensors_element_size(std::string_view dtype) {
  for (const auto& [name, size] : element_sizes)
    if (name == dtype) return size;
  return 0;
}

std::string_view safetensors_name(DType type) {
  switch (type) {
    case DType::f32: return "F32";
    case DType::f16: return "F16";
    case DType::bf16: return "BF16";
    case DType::i32: return "I32";
    case DType::u16: return "U16";
  }
  return "";
}

std::int64_t TensorView::elements() const {
  if (const StorageFormat* format = find_format(dtype)) return static_cast<std::int64_t>(bytes.size() / format->bytes * format->values);
  const std::size_t size = safetensors_element_size(dtype);
  require(size > 0, "{}: unknown dtype {}", where, dtype);
  return static_cast<std::int64_t>(bytes.size() / size);
}

void TensorView::read(std::span<float> out, std::int64_t first) const {
  require(first >= 0 && static_cast<std::int64_t>(out.size()) <= elements() - first, "{}: elements {} to {} of {} were asked for", where,
          first, first + static_cast<std::int64_t>(out.size()), elements());
  if (const StorageFormat* format = find_format(dtype)) return read_blocks(*this, *format, out, static_cast<std::size_t>(first));
  const std::byte* from = bytes.data() + static_cast<std::size_t>(first) * safetensors_element_size(dtype);
  if (dtype == "F32") {
    if (!out.empty()) std::memcpy(out.data(), from, out.size_bytes());
  } else if (dtype == "F16") {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = from_f16(load<std::uint16_t>(from + 2 * i));
  } else if (dtype == "BF16") {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = from_bf16(load<std::uint16_t>(from + 2 * i));
  } else if (dtype == "F64") {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(load<double>(from + 8 * i));
  } else {
    bad_input("{}: expected F32, F16, BF16 or F64, found {}", where, dtype);
  }
}

void TensorView::require_sound(std::size_t first, std::size_t blocks) const {
  const StorageFormat* format = find_format(dtype);
  for (std::size_t block = first; format && block < first + blocks; ++block)
    require(format->sound(bytes.data() + block * format->bytes), "{}: the scale of its block {} is no finite number", where, block);
}

std::vector<float> TensorView::floats() const {
  std::vector<float> values(static_cast<std::size_t>(elements()));
  read(values);
  return values;
}

std::vector<std::int32_t> TensorView::integers() const {
  std::vector<std::int32_t> values(static_cast<std::size_t>(elements()));
  if (dtype == "I32") copy_integers<std::int32_t>(*this, values);
  else if (dtype == "I64") copy_integers<std::int64_t>(*this, values);
  else if (dtype == "I16") copy_integers<std::int16_t>(*this, values);
  else if (dtype == "I8") copy_integers<std::int8_t>(*this, values);
  else if (dtype == "U64") copy_integers<std::uint64_t>(*this, values);
  else if (dtype == "U32") copy_integers<std::uint32_t>(*this, values);
  else if (dtype == "U16") copy_integers<std::uint16_t>(*this, values);
  else if (dtype == "U8") copy_integers<std::uint8_t>(*this, values);
  else bad_input("{}: expected integers, found {}", where, dtype);
  return values;
}

void parse_safetensors(std::span<const std::byte> file, std::string_view where, TensorMap& tensors, Metadata& metadata) {
  const std::string_view text = header_text(file, where);
  const std::span<const std::byte> data = file.subspan(8 + text.size());
  const Json header = parse_header(text, where);
  for (const auto& [name, entry] : header.items()) {
    if (name != "__metadata__") {
      tensors.emplace(name, parse_tensor(entry, data, fmt::format("{}: {}", where, name)));
      continue;
    }
    require(entry.is_object(), "{}: __metadata__ is not an object", where);
    for (const auto& [key, value] : entry.items()) {
      require(value.is_string(), "{}: __metadata__.{} is not a string", where, key);
      metadata.emplace(key, value.get<std::string>());
    }
  }
  check_tiling(tensors, data, where);
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : path_(path), file_(path) {
  parse_safetensors(file_.bytes(), path.string(), tensors_, metadata_);
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors_) names.push_back(name);
  return names;
}

const TensorView& SafetensorsFile::at(std::string_view name) const {
  const auto found = tensors_.find(name);
  require(found != tensors_.end(), "{}: has no tensor \"{}\"", path_.string(), name);
  return found->second;
}

TensorToWrite TensorToWrite::from(std::string name, std::vector<std::int64_t> shape, std::span<const float> values) {
  return {std::move(name), "F32", std::move(shape), [values](const ByteSink& sink) { sink(std::as_bytes(values)); }};
}

TensorToWrite TensorToWrite::from(std::string name, std::vector<std::int64_t> shape, std::span<const std::int32_t> values) {
  return {std::move(name), "I32", std::move(shape), [values](const ByteSink& sink) { sink(std::as_bytes(values)); }};
}

namespace {

std::uint64_t bytes_to_write(const TensorToWrite& tensor) {
  const std::size_t size = safetensors_element_size(tensor.dtype);
  const auto bytes = byte_count(tensor.shape, size);
  if (size == 0 || !bytes) throw RunError(fmt::format("{}: cannot be written as {} of that shape", tensor.name, tensor.dtype));
  return *bytes;
}

/// The header, padded with spaces so that the data starts at a multiple of 8.
std::string header_of(std::span<const TensorToWrite> tensors, const Metadata& metadata) {
  nlohmann::ordered_json header;
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const TensorToWrite& tensor : tensors) {
    if (header.contains(tensor.name)) throw RunError(fmt::format("{}: would be written twice", tensor.name));
    const std::uint64_t end = offset + bytes_to_write(tensor);
    header[tensor.name] = {{"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = tensors.empty() && metadata.empty() ? "{}" : header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::span<const TensorToWrite> tensors, const Metadata& metadata) {
  AtomicFile file(path);
  const std::string header = header_of(tensors, metadata);
  const std::uint64_t size = header.size();
  file.write(std::as_bytes(std::span(&size, 1)));
  file.write(std::as_bytes(std::span(header)));
  for (const TensorToWrite& tensor : tensors) {
    std::uint64_t written = 0;
    tensor.produce([&](std::span<const std::byte> piece) {
      file.write(piece);
      written += piece.size();
    });
    if (written != bytes_to_write(tensor))
      throw RunError(fmt::format("{}: {} got {} bytes, its shape needs {}", path.string(), tensor.name, written, bytes_to_write(tensor)));
  }
  file.commit();
}

}  // namespace ablate
