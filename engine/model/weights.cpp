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

Shape shape_of(const ParameterSpec& spec) { return {spec.shape.begin(), spec.shape.end()}; }

// Bytes per element of an arena block, over all its buffers.
std::uint64_t widest(DType compute, WeightsUse use) { return use == WeightsUse::training || compute == DType::f32 ? 4 : 2; }

}  // namespace

Weights::Weights(const Device& device, const TransformerConfig& config, DType compute, WeightsUse use, bool allocate)
    : device_(device), config_(config), compute_(compute), use_(use), allocated_(allocate), transfer_(std::make_unique<Transfer>(device)) {
  for (ParameterSpec& spec : parameters(config)) {
    by_name_[spec.name] = entries_.size();
    const bool matrix = is_matrix(spec.kind);
    entries_.push_back({std::move(spec), 0, 0, matrix});
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

// In 16-bit inference block 0 holds the f32 vectors and the others the matrices; otherwise every block holds both.
void Weights::lay_out() {
  const bool split = use_ == WeightsUse::inference && compute_ != DType::f32;
  const std::uint64_t most = device_.caps().max_allocation / widest(compute_, use_);
  blocks_.resize(split ? 2 : 1);
  for (Entry& entry : entries_) {
    const std::uint64_t count = (static_cast<std::uint64_t>(entry.spec.elements()) + alignment - 1) / alignment * alignment;
    if (count > most)
      throw DeviceError(fmt::format("{}: {} elements are more than {} allows in one allocation of {} bytes", entry.spec.name, count,
                                    device_.caps().device_name, device_.caps().max_allocation));
    entry.block = split && !entry.matrix ? 0 : blocks_.size() - 1;
    if (blocks_[entry.block].count + count > most) {
      entry.block = blocks_.size();
      blocks_.emplace_back();
    }
    entry.offset = blocks_[entry.block].count;
    blocks_[entry.block].count += count;
  }
}

std::uint64_t Weights::bytes_needed(const TransformerConfig& config, DType compute, WeightsUse use) {
  std::uint64_t bytes = 0;
  for (const ParameterSpec& spec : parameters(config)) {
    const std::uint64_t count = (static_cast<std::uint64_t>(spec.elements()) + alignment - 1) / alignment * alignment;
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

const Buffer& Weights::home(const Entry& entry) const {
  return half_only(entry) ? blocks_[entry.block].mirror : blocks_[entry.block].master;
}

std::uint64_t Weights::address(const Entry& entry) const {
  const Block& block = blocks_[entry.block];
  return type(entry) == DType::f32 ? block.master.address() + 4 * entry.offset : block.mirror.address() + 2 * entry.offset;
}

std::uint64_t Weights::gradient_address(const Entry& entry) const {
  return use_ == WeightsUse::training ? blocks_[entry.block].gradient.address() + 4 * entry.offset : 0;
}

void Weights::write_piece(const Entry& entry, std::uint64_t first, std::span<const float> values) {
  const Block& block = blocks_[entry.block];
  if (!half_only(entry)) transfer_->upload(block.master, 4 * (entry.offset + first), std::as_bytes(values));
  if (block.mirror.size() == 0) return;
  std::vector<std::uint16_t> bits(values.size());
  std::transform(values.begin(), values.end(), bits.begin(), compute_ == DType::f16 ? to_f16 : to_bf16);
  transfer_->upload(block.mirror, 2 * (entry.offset + first), std::as_bytes(std::span(bits)));
}

void Weights::write(const std::string& name, std::span<const float> values) {
  const Entry& to = entry(name);
  require(values.size() == static_cast<std::size_t>(to.spec.elements()), "{}: {} values, it has {}", name, values.size(),
          to.spec.elements());
  write_piece(to, 0, values);
}

static void stream(const TensorView& from, std::uint64_t count, const std::function<void(std::uint64_t, std::span<const float>)>& take) {
  std::vector<float> values;
  for (std::uint64_t first = 0; first < count; first += piece) {
    values.resize(std::min(piece, count - first));
    from.read(values, static_cast<std::int64_t>(first));
    take(first, values);
  }
}

void Weights::load(const CheckpointFolder& folder) {
  for (const Entry& to : entries_) {
    const TensorView& from = folder.at(to.spec.name);
    const bool same = half_only(to) && from.dtype == safetensors_name(compute_);
    if (same) transfer_->upload(blocks_[to.block].mirror, 2 * to.offset, from.bytes);
    else
      stream(from, static_cast<std::uint64_t>(to.spec.elements()),
             [&](std::uint64_t first, auto values) { write_piece(to, first, values); });
    drop_pages(from.bytes);  // of a large checkpoint no more than one tensor stays in memory
  }
}

void Weights::load(const SafetensorsFile& file) {
  for (const Entry& to : entries_) {
    const TensorView& from = file.at(to.spec.name);
    require(from.shape == to.spec.shape, "{}: expected shape {}", from.where, to_string(shape_of(to.spec)));
    stream(from, static_cast<std::uint64_t>(to.spec.elements()), [&](std::uint64_t first, auto values) { write_piece(to, first, values); });
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
  if (!half_only(from)) {
    transfer_->download(home(from), 4 * from.offset, std::as_writable_bytes(std::span(values)));
    return values;
  }
  std::vector<std::uint16_t> bits(values.size());
  transfer_->download(home(from), 2 * from.offset, std::as_writable_bytes(std::span(bits)));
  std::transform(bits.begin(), bits.end(), values.begin(), compute_ == DType::f16 ? from_f16 : from_bf16);
  return values;
}

std::vector<float> Weights::read_gradient(const std::string& name) const {
  const Entry& from = entry(name);
  require(use_ == WeightsUse::training, "{}: has no gradient outside training", name);
  std::vector<float> values(static_cast<std::size_t>(from.spec.elements()));
  transfer_->download(blocks_[from.block].gradient, 4 * from.offset, std::as_writable_bytes(std::span(values)));
  return values;
}

std::vector<TensorToWrite> Weights::tensors_to_write() const {
  std::vector<TensorToWrite> tensors;
  for (const Entry& entry : entries_) {
    const DType type = half_only(entry) ? compute_ : DType::f32;
    tensors.push_back({entry.spec.name, std::string(safetensors_name(type)), entry.spec.shape, [this, &entry, type](const ByteSink& sink) {
                         std::vector<std::byte> bytes;
                         const std::uint64_t all = static_cast<std::uint64_t>(entry.spec.elements()) * bytes_of(type);
                         for (std::uint64_t done = 0; done < all; done += bytes.size()) {
                           bytes.resize(std::min<std::uint64_t>(all - done, 16u << 20));
                           transfer_->download(home(entry), entry.offset * bytes_of(type) + done, bytes);
                           sink(bytes);
                         }
                       }});
  }
  return tensors;
}

const Tensor& ParameterTensors::operator[](const std::string& name) {
  if (const auto known = tensors_.find(name); known != tensors_.end()) return known->second;
  const Weights::Entry& entry = weights_.entry(name);
  const Tensor tensor = graph_.external(name, shape_of(entry.spec), weights_.type(entry), weights_.address(entry));
  if (differentiate_) graph_.require_gradient(tensor);
  return tensors_.emplace(name, tensor).first->second;
}

bool ParameterTensors::has(const std::string& name) const {
  const auto& entries = weights_.entries();
  return std::any_of(entries.begin(), entries.end(), [&](const auto& entry) { return entry.spec.name == name; });
}

void ParameterTensors::place_gradients(bool add) {
  for (const auto& [name, tensor] : tensors_) {
    const Tensor gradient = graph_.gradient(tensor);
    const std::uint64_t address = weights_.gradient_address(weights_.entry(name));
    if (!gradient || (!add && graph_.place(gradient, address))) continue;
    const Tensor slot = graph_.external("gradient of " + name, gradient.shape, DType::f32, address);
    if (add) accumulate(graph_, slot, gradient);
    else store(graph_, gradient, slot);
  }
}

}  // namespace ablate
