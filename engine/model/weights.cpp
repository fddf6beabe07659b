#include "model/weights.h"

#include "model/initialization.h"
#include "model/torch_random.h"
#include "ops/optimizer.h"
#include "ops/store.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace ablate {
namespace {

constexpr std::uint64_t alignment = 64;      // elements: every parameter starts where any vector or tile load may
constexpr std::uint64_t piece = 1ull << 22;  // elements streamed at a time

bool is_matrix(ParameterKind kind) {
  return kind == ParameterKind::embedding || kind == ParameterKind::position || kind == ParameterKind::linear ||
         kind == ParameterKind::residual_linear || kind == ParameterKind::head;
}

// Products and look-ups take parts of a matrix; what else reads a table wants it whole.
bool can_be_cut(ParameterKind kind) { return is_matrix(kind) && kind != ParameterKind::position; }

std::uint64_t aligned(std::uint64_t count) { return (count + alignment - 1) / alignment * alignment; }

Shape shape_of(const ParameterSpec& spec) {
  Shape shape;
  for (const std::int64_t size : spec.shape) shape.push_back(dimension(static_cast<std::uint64_t>(size), spec.name));
  return shape;
}

// Bytes per element of an arena block, over all its buffers.
std::uint64_t widest(DType compute, WeightsUse use) { return use == WeightsUse::training || compute == DType::f32 ? 4 : 2; }

}  // namespace

Weights::Weights(const Device& device, const TransformerConfig& config, DType compute, WeightsUse use, bool allocate)
    : device_(device), config_(config), compute_(compute), use_(use), allocated_(allocate), transfer_(std::make_unique<Transfer>(device)) {
  for (ParameterSpec& spec : parameters(config)) {
    by_name_[spec.name] = entries_.size();
    const bool matrix = is_matrix(spec.kind);
    entries_.push_back({std::move(spec), matrix});
  }
  lay_out();
  const bool training = use == WeightsUse::training, half = compute != DType::f32;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    Block& block = blocks_[i];
    const bool halves = half && (training || i > 0);
    const auto make = [&](bool wanted, DType type, const char* name) {
      if (!wanted) return Buffer();
      if (!allocated_) return Buffer::planned(block.count * bytes_of(type));
      Buffer buffer(device_, block.count * bytes_of(type), MemoryKind::device, name);
      transfer_->fill(buffer, 0, buffer.size(), 0);
      return buffer;
    };
    block.master = make(training || !half || i == 0, DType::f32, "weights");
    block.mirror = make(halves, compute, "16-bit weights");
    block.gradient = make(training, DType::f32, "gradients");
    block.m = make(training, DType::f32, "first moments");
    block.v = make(training, DType::f32, "second moments");
  }
}

// The parameter whole, or the fewest parts of its rows that have at most `most` elements; equal ones, and a multiple of the alignment's rows
// where that can be, so that a part is as fit for any tile load as the whole.
std::vector<Weights::Part> Weights::cut(const Entry& entry, std::uint64_t most) const {
  const auto elements = static_cast<std::uint64_t>(entry.spec.elements());
  if (aligned(elements) <= most) return {{.count = elements, .padded = aligned(elements)}};
  const auto columns = static_cast<std::uint64_t>(entry.spec.shape.back());
  const std::uint64_t rows = elements / columns, fit = most / alignment * alignment / columns;
  if (!can_be_cut(entry.spec.kind) || fit == 0)
    throw DeviceError(fmt::format("{}: {} elements must lie in one piece, {} holds {}", entry.spec.name,
                                  can_be_cut(entry.spec.kind) ? columns : elements, device_.caps().device_name, most));
  const std::uint64_t count = (rows + fit - 1) / fit, even = (rows + count - 1) / count,
                      whole = aligned(even) <= fit ? aligned(even) : even;
  std::vector<Part> parts;
  for (std::uint64_t row = 0; row < rows; row += whole) {
    const std::uint64_t part = std::min(whole, rows - row) * columns;
    parts.push_back({.first = row * columns, .count = part, .padded = aligned(part)});
  }
  return parts;
}

// In 16-bit inference block 0 holds the f32 vectors and the others the matrices; otherwise every block holds both.
void Weights::lay_out() {
  const bool split = use_ == WeightsUse::inference && compute_ != DType::f32;
  const std::uint64_t most = device_.caps().max_allocation / widest(compute_, use_);
  blocks_.resize(split ? 2 : 1);
  for (Entry& entry : entries_) {
    entry.parts = cut(entry, std::min(most, device_.caps().max_elements));
    for (Part& part : entry.parts) {
      part.block = split && !entry.matrix ? 0 : blocks_.size() - 1;
      if (blocks_[part.block].count + part.padded > most) {
        part.block = blocks_.size();
        blocks_.emplace_back();
      }
      part.offset = blocks_[part.block].count;
      blocks_[part.block].count += part.padded;
    }
  }
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

const Buffer& Weights::home(const Entry& entry, const Part& part) const {
  return half_only(entry) ? blocks_[part.block].mirror : blocks_[part.block].master;
}

std::uint64_t Weights::address(const Entry& entry, const Part& part) const {
  const Block& block = blocks_[part.block];
  return type(entry) == DType::f32 ? block.master.address() + 4 * part.offset : block.mirror.address() + 2 * part.offset;
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
    if (!half_only(entry)) transfer_->upload(block.master, 4 * at, std::as_bytes(own));
    if (block.mirror.size() == 0) continue;
    std::vector<std::uint16_t> bits(own.size());
    std::transform(own.begin(), own.end(), bits.begin(), compute_ == DType::f16 ? to_f16 : to_bf16);
    transfer_->upload(block.mirror, 2 * at, std::as_bytes(std::span(bits)));
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

void Weights::load(const CheckpointFolder& folder) {
  for (const Entry& to : entries_) {
    const TensorView& from = folder.at(to.spec.name);
    const bool same = half_only(to) && folder.is_whole(to.spec.name) && from.dtype == safetensors_name(compute_);
    if (same)
      for (const Part& part : to.parts)
        transfer_->upload(blocks_[part.block].mirror, 2 * part.offset, from.bytes.subspan(2 * part.first, 2 * part.count));
    else
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
  for (const Part& part : from.parts) {
    const std::span<float> own = std::span(values).subspan(part.first, part.count);
    if (!half_only(from)) {
      transfer_->download(home(from, part), 4 * part.offset, std::as_writable_bytes(own));
      continue;
    }
    std::vector<std::uint16_t> bits(own.size());
    transfer_->download(home(from, part), 2 * part.offset, std::as_writable_bytes(std::span(bits)));
    std::transform(bits.begin(), bits.end(), own.begin(), compute_ == DType::f16 ? from_f16 : from_bf16);
  }
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
    const DType type = half_only(entry) ? compute_ : DType::f32;
    tensors.push_back({entry.spec.name, std::string(safetensors_name(type)), entry.spec.shape, [this, &entry, type](const ByteSink& sink) {
                         std::vector<std::byte> bytes;
                         for (const Part& part : entry.parts) {
                           const std::uint64_t all = part.count * bytes_of(type);
                           for (std::uint64_t done = 0; done < all; done += bytes.size()) {
                             bytes.resize(std::min<std::uint64_t>(all - done, 16u << 20));
                             transfer_->download(home(entry, part), part.offset * bytes_of(type) + done, bytes);
                             sink(bytes);
                           }
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
