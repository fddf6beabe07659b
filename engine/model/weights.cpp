#include "model/weights.h"

#include "base/storage_format.h"
#include "model/initialization.h"
#include "model/torch_random.h"
#include "ops/optimizer.h"
#include "ops/store.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

namespace ablate {
namespace {

constexpr std::uint64_t alignment = 64;          // elements: every parameter starts where any vector or tile load may
constexpr std::uint64_t block_alignment = 1024;  // the same of blocks: four of them at least, which are whole words
constexpr std::uint64_t piece = 1ull << 22;      // elements streamed at a time

bool is_matrix(ParameterKind kind) {
  return kind == ParameterKind::embedding || kind == ParameterKind::position || kind == ParameterKind::linear ||
         kind == ParameterKind::residual_linear || kind == ParameterKind::head;
}

// Products and look-ups take parts of a matrix, and blocks; what else reads a table wants it whole and in numbers.
bool is_multiplied(ParameterKind kind) { return is_matrix(kind) && kind != ParameterKind::position; }

std::uint64_t aligned(std::uint64_t count, DType type = DType::f32) {
  const std::uint64_t to = is_blocks(type) ? block_alignment : alignment;
  return (count + to - 1) / to * to;
}

Shape shape_of(const ParameterSpec& spec) {
  Shape shape;
  for (const std::int64_t size : spec.shape) shape.push_back(dimension(static_cast<std::uint64_t>(size), spec.name));
  return shape;
}

// Bits of values as a type that is no f32. `first`: of the parameter's elements, for messages.
std::vector<std::byte> encoded(const std::string& name, DType type, std::uint64_t first, std::span<const float> values) {
  std::vector<std::byte> bytes(bytes_of(type, values.size()));
  if (!is_blocks(type)) {
    const std::span bits(reinterpret_cast<std::uint16_t*>(bytes.data()), values.size());
    std::transform(values.begin(), values.end(), bits.begin(), type == DType::f16 ? to_f16 : to_bf16);
    return bytes;
  }
  const StorageFormat& format = format_of(type);
  require(format.encode, "{}: is kept as {}, which is read and not written: model.stored = \"f32\" keeps it as numbers", name, format.name);
  for (std::size_t i = 0; i < values.size() / format.values; ++i)
    require(format.encode(&values[i * format.values], &bytes[i * format.bytes]),
            "{}: its elements {} to {} cannot be kept as {}: no scale that it has is large enough", name, first + i * format.values,
            first + (i + 1) * format.values - 1, format.name);
  return bytes;
}

void decode(DType type, std::span<const std::byte> bytes, std::span<float> values) {
  if (!is_blocks(type)) {
    const std::span bits(reinterpret_cast<const std::uint16_t*>(bytes.data()), values.size());
    std::transform(bits.begin(), bits.end(), values.begin(), type == DType::f16 ? from_f16 : from_bf16);
    return;
  }
  const StorageFormat& format = format_of(type);
  for (std::size_t i = 0; i < values.size() / format.values; ++i) format.decode(&bytes[i * format.bytes], &values[i * format.values]);
}

}  // namespace

DType WeightTypes::of(const ParameterSpec& parameter) const {
  const auto own = blocks.find(parameter.name);
  return !is_matrix(parameter.kind) ? DType::f32 : own == blocks.end() ? plain : own->second;
}

WeightTypes types_as_stored(const CheckpointFolder& folder) {
  WeightTypes types(folder.dtype());
  std::set<std::string> others;  // what the other matrices are stored as
  for (const ParameterSpec& spec : parameters(folder.config())) {
    const auto format = is_multiplied(spec.kind) ? folder.block_type(spec.name) : std::nullopt;
    if (format) types.blocks.emplace(spec.name, *format);
    else if (is_matrix(spec.kind)) others.insert(folder.at(spec.name).dtype);
  }
  if (types.blocks.empty() || others.size() != 1) return types;
  for (const DType half : {DType::f16, DType::bf16})
    if (*others.begin() == safetensors_name(half)) types.plain = half;
  return types;
}

WeightTypes types_in_blocks(const TransformerConfig& config, DType format, DType plain, const std::string& where) {
  WeightTypes types(plain);
  const std::int64_t values = block_of(format).values;
  for (const ParameterSpec& spec : parameters(config)) {
    if (!is_multiplied(spec.kind)) continue;
    require(spec.shape.back() % values == 0, "{}: {} keeps {} values of a row together, and the rows of {} have {}", where, name_of(format),
            values, spec.name, spec.shape.back());
    types.blocks.emplace(spec.name, format);
  }
  return types;
}

Weights::Weights(const Device& device, const TransformerConfig& config, const WeightTypes& types, WeightsUse use, bool allocate)
    : device_(device), config_(config), types_(types), use_(use), allocated_(allocate), transfer_(std::make_unique<Transfer>(device)) {
  const bool training = use == WeightsUse::training;
  require(!training || types.blocks.empty(), "weights in blocks are not trained");
  for (ParameterSpec& spec : parameters(config)) {
    by_name_[spec.name] = entries_.size();
    const DType type = types.of(spec);
    entries_.push_back({std::move(spec), type});
  }
  lay_out();
  for (Block& block : blocks_) {
    const auto make = [&](bool wanted, DType type, const char* name) {
      if (!wanted) return Buffer();
      if (!allocated_) return Buffer::planned(bytes_of(type, block.count));
      Buffer buffer(device_, bytes_of(type, block.count), MemoryKind::device, name);
      transfer_->fill(buffer, 0, buffer.size(), 0);
      return buffer;
    };
    block.master = make(training || block.type == DType::f32, DType::f32, "weights");
    block.mirror = make(block.type != DType::f32, block.type, is_blocks(block.type) ? "weights in blocks" : "16-bit weights");
    block.gradient = make(training, DType::f32, "gradients");
    block.m = make(training, DType::f32, "first moments");
    block.v = make(training, DType::f32, "second moments");
  }
}

// The parameter whole, or the fewest parts of its rows that have at most `most` elements; equal ones, and a multiple of the alignment's rows
// where that can be, so that a part is as fit for any tile load as the whole.
std::vector<Weights::Part> Weights::cut(const Entry& entry, std::uint64_t most) const {
  const auto elements = static_cast<std::uint64_t>(entry.spec.elements());
  if (aligned(elements, entry.type) <= most) return {{.count = elements, .padded = aligned(elements, entry.type)}};
  const auto columns = static_cast<std::uint64_t>(entry.spec.shape.back());
  const std::uint64_t to = aligned(1, entry.type), rows = elements / columns, fit = most / to * to / columns;
  if (!is_multiplied(entry.spec.kind) || fit == 0)
    throw DeviceError(fmt::format("{}: {} elements must lie in one piece, {} holds {}", entry.spec.name,
                                  is_multiplied(entry.spec.kind) ? columns : elements, device_.caps().device_name, most));
  const std::uint64_t count = (rows + fit - 1) / fit, even = (rows + count - 1) / count,
                      whole = aligned(even) <= fit ? aligned(even) : even;
  std::vector<Part> parts;
  for (std::uint64_t row = 0; row < rows; row += whole) {
    const std::uint64_t part = std::min(whole, rows - row) * columns;
    parts.push_back({.first = row * columns, .count = part, .padded = aligned(part, entry.type)});
  }
  return parts;
}

// Of an arena: the widest of its buffers is an allocation.
std::uint64_t Weights::most_elements(DType type) const {
  const BlockSize block = block_of(use_ == WeightsUse::training ? DType::f32 : type);
  return device_.caps().max_allocation / block.bytes * block.values;
}

// The last arena of that type, or a new one where that has no room.
std::size_t Weights::block_for(DType type, const Part& part) {
  for (std::size_t i = blocks_.size(); i-- > 0;) {
    if (blocks_[i].type != type) continue;
    if (blocks_[i].count + part.padded <= most_elements(type)) return i;
    break;
  }
  blocks_.emplace_back().type = type;
  return blocks_.size() - 1;
}

void Weights::lay_out() {
  for (Entry& entry : entries_) {
    const DType type = use_ == WeightsUse::training ? types_.plain : entry.type;
    entry.parts = cut(entry, std::min(most_elements(type), device_.caps().max_elements));
    for (Part& part : entry.parts) {
      part.block = block_for(type, part);
      part.offset = blocks_[part.block].count;
      blocks_[part.block].count += part.padded;
    }
  }
}

std::uint64_t Weights::bytes() const {
  std::uint64_t bytes = 0;
  for (const Block& block : blocks_)
    for (const Buffer* buffer : {&block.master, &block.gradient, &block.m, &block.v, &block.mirror}) bytes += buffer->size();
  return bytes;
}

std::uint64_t Weights::bytes_needed(const TransformerConfig& config, DType compute, WeightsUse use) {
  std::uint64_t bytes = 0;
  for (const ParameterSpec& spec : parameters(config)) {
    const std::uint64_t count = aligned(static_cast<std::uint64_t>(spec.elements()));
    const bool half = compute != DType::f32 && is_matrix(spec.kind);
    if (use == WeightsUse::training) bytes += count * (16 + (compute != DType::f32 ? 2 : 0));
    else bytes += count * (half ? 2 : 4);
  }
  return bytes;
}

const Weights::Entry& Weights::entry(const std::string& name) const {
  const auto found = by_name_.find(name);
  require(found != by_name_.end(), "the model has no parameter {}", name);
  return entries_[found->second];
}

std::uint64_t Weights::address(const Entry& entry, const Part& part) const {
  const Block& block = blocks_[part.block];
  return (entry.type == DType::f32 ? block.master : block.mirror).address() + bytes_of(entry.type, part.offset);
}

std::uint64_t Weights::gradient_address(const Part& part) const {
  return use_ == WeightsUse::training ? blocks_[part.block].gradient.address() + 4 * part.offset : 0;
}

// Values of the parameter's elements from `first` on, each to the part that holds it.
void Weights::write_piece(const Entry& entry, std::uint64_t first, std::span<const float> values) {
  for (const Part& part : entry.parts) {
    const std::uint64_t begin = std::max(first, part.first), end = std::min(first + values.size(), part.first + part.count);
    if (begin >= end) continue;
    const std::span<const float> own = values.subspan(begin - first, end - begin);
    const std::uint64_t at = part.offset + begin - part.first;
    const Block& block = blocks_[part.block];
    if (!mirror_only(part)) transfer_->upload(block.master, 4 * at, std::as_bytes(own));
    if (block.mirror.size() > 0)
      transfer_->upload(block.mirror, bytes_of(block.type, at), encoded(entry.spec.name, block.type, begin, own));
  }
}

// The same the other way. In blocks, pieces are whole ones.
void Weights::read_piece(const Entry& entry, std::uint64_t first, std::span<float> values) const {
  const DType type = home_type(entry);
  for (const Part& part : entry.parts) {
    const std::uint64_t begin = std::max(first, part.first), end = std::min(first + values.size(), part.first + part.count);
    if (begin >= end) continue;
    const std::span<float> own = values.subspan(begin - first, end - begin);
    const std::uint64_t at = bytes_of(type, part.offset + begin - part.first);
    if (type == DType::f32) {
      transfer_->download(home(part), at, std::as_writable_bytes(own));
      continue;
    }
    std::vector<std::byte> bytes(bytes_of(type, own.size()));
    transfer_->download(home(part), at, bytes);
    decode(type, bytes, own);
  }
}

void Weights::write(const std::string& name, std::span<const float> values) {
  const Entry& to = entry(name);
  require(values.size() == static_cast<std::size_t>(to.spec.elements()), "{}: {} values, it has {}", name, values.size(),
          to.spec.elements());
  write_piece(to, 0, values);
}

using Read = std::function<void(std::span<float> out, std::int64_t first)>;

static void stream(const Read& read, std::uint64_t count, const std::function<void(std::uint64_t, std::span<const float>)>& take) {
  std::vector<float> values;
  for (std::uint64_t first = 0; first < count; first += piece) {
    values.resize(std::min(piece, count - first));
    read(values, static_cast<std::int64_t>(first));
    take(first, values);
  }
}

// Without a detour over f32: where the file has the same bits.
bool Weights::load_as_stored(const Entry& to, const CheckpointFolder& folder) {
  if (use_ == WeightsUse::training || to.type == DType::f32) return false;
  const std::string& name = to.spec.name;
  if (!is_blocks(to.type)) {
    const TensorView& from = folder.at(name);
    if (!folder.is_whole(name) || from.dtype != safetensors_name(to.type)) return false;
    for (const Part& part : to.parts) transfer_->upload(home(part), 2 * part.offset, from.bytes.subspan(2 * part.first, 2 * part.count));
    return true;
  }
  if (folder.block_type(name) != to.type) return false;
  const auto columns = static_cast<std::uint64_t>(to.spec.shape.back()), most = std::max<std::uint64_t>(piece / columns, 1);
  std::vector<std::byte> bytes;
  for (const Part& part : to.parts) {
    const std::uint64_t rows = part.count / columns;
    for (std::uint64_t row = 0; row < rows; row += most) {
      bytes.resize(bytes_of(to.type, std::min(most, rows - row) * columns));
      folder.read_rows(name, bytes, static_cast<std::int64_t>(part.first / columns + row));
      transfer_->upload(home(part), bytes_of(to.type, part.offset + row * columns), bytes);
    }
  }
  return true;
}

void Weights::load(const CheckpointFolder& folder) {
  for (const Entry& to : entries_) {
    if (!load_as_stored(to, folder))
      stream([&](std::span<float> out, std::int64_t first) { folder.read(to.spec.name, out, first); },
             static_cast<std::uint64_t>(to.spec.elements()), [&](std::uint64_t first, auto values) { write_piece(to, first, values); });
    folder.drop(to.spec.name);  // of a large checkpoint no more than one tensor stays in memory
  }
}

void Weights::load(const SafetensorsFile& file) {
  for (const Entry& to : entries_) {
    const TensorView& from = file.at(to.spec.name);
    require(from.shape == to.spec.shape, "{}: expected shape {}", from.where, to_string(shape_of(to.spec)));
    stream([&](std::span<float> out, std::int64_t first) { from.read(out, first); }, static_cast<std::uint64_t>(to.spec.elements()),
           [&](std::uint64_t first, auto values) { write_piece(to, first, values); });
  }
}

void Weights::initialize(const std::string& rule, std::uint64_t seed) {
  std::vector<float> values;
  std::optional<TorchRandom> torch;
  if (rule == "pytorch") torch.emplace(seed);
  for (const Entry& to : entries_) {
    const Initializer law = initializer(config_, to.spec, rule);
    const auto count = static_cast<std::uint64_t>(to.spec.elements());
    if (torch) {  // its numbers come in order
      values.resize(count);
      torch->fill(values, law);
      write_piece(to, 0, values);
      continue;
    }
    for (std::uint64_t first = 0; first < count; first += piece) {
      values.resize(std::min(piece, count - first));
      ablate::initialize(values, to.spec, law, seed, first);
      write_piece(to, first, values);
    }
  }
}

std::vector<float> Weights::read(const std::string& name) const {
  const Entry& from = entry(name);
  std::vector<float> values(static_cast<std::size_t>(from.spec.elements()));
  read_piece(from, 0, values);
  return values;
}

std::vector<float> Weights::read_gradient(const std::string& name) const {
  const Entry& from = entry(name);
  require(use_ == WeightsUse::training, "{}: has no gradient outside training", name);
  std::vector<float> values(static_cast<std::size_t>(from.spec.elements()));
  for (const Part& part : from.parts)
    transfer_->download(blocks_[part.block].gradient, 4 * part.offset,
                        std::as_writable_bytes(std::span(values).subspan(part.first, part.count)));
  return values;
}

std::vector<TensorToWrite> Weights::tensors_to_write() const {
  std::vector<TensorToWrite> tensors;
  for (const Entry& entry : entries_) {
    const DType type = is_blocks(home_type(entry)) ? DType::f32 : home_type(entry);
    tensors.push_back({entry.spec.name, std::string(safetensors_name(type)), entry.spec.shape, [this, &entry, type](const ByteSink& sink) {
                         const auto all = static_cast<std::uint64_t>(entry.spec.elements());
                         std::vector<float> values;
                         for (std::uint64_t first = 0; first < all; first += piece) {
                           values.resize(std::min(piece, all - first));
                           read_piece(entry, first, values);
                           if (type == DType::f32) sink(std::as_bytes(std::span(values)));
                           else sink(encoded(entry.spec.name, type, first, values));
                         }
                       }});
  }
  return tensors;
}

const std::vector<Tensor>& ParameterTensors::parts(const std::string& name) {
  if (const auto known = tensors_.find(name); known != tensors_.end()) return known->second;
  const Weights::Entry& entry = weights_.entry(name);
  std::vector<Tensor> tensors;
  for (const Weights::Part& part : entry.parts) {
    Shape shape = shape_of(entry.spec);
    if (entry.parts.size() > 1) shape.front() = static_cast<std::uint32_t>(part.count / shape.back());  // only matrices are cut
    tensors.push_back(graph_.external(name, std::move(shape), weights_.type(entry), weights_.address(entry, part)));
    if (differentiate_) graph_.require_gradient(tensors.back());
  }
  return tensors_.emplace(name, std::move(tensors)).first->second;
}

const Tensor& ParameterTensors::operator[](const std::string& name) {
  const std::vector<Tensor>& all = parts(name);
  require(all.size() == 1, "{}: lies in {} allocations and is wanted whole", name, all.size());
  return all.front();
}

bool ParameterTensors::has(const std::string& name) const {
  const auto& entries = weights_.entries();
  return std::any_of(entries.begin(), entries.end(), [&](const auto& entry) { return entry.spec.name == name; });
}

void ParameterTensors::place_gradients(bool add) {
  for (const auto& [name, tensors] : tensors_) {
    const Weights::Entry& entry = weights_.entry(name);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const Tensor gradient = graph_.gradient(tensors[i]);
      const std::uint64_t address = weights_.gradient_address(entry.parts[i]);
      if (!gradient || (!add && graph_.place(gradient, address))) continue;
      const Tensor slot = graph_.external("gradient of " + name, gradient.shape, DType::f32, address);
      if (add) accumulate(graph_, slot, gradient);
      else store(graph_, gradient, slot);
    }
  }
}

}  // namespace ablate
