#include "graph/executor.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ablate {
namespace {

constexpr std::uint64_t guard_bytes = 256;
constexpr std::uint32_t guard_word = 0x7fc0beefu;  // a NaN as f32; as two 16-bit floats NaN and a small number: a stray read shows too

PlanOptions plan_options(const Device& device, const ExecutorOptions& options) {
  return {device.caps().max_allocation, options.guard ? guard_bytes : 0, !options.guard};
}

std::vector<std::byte> pack(const Dispatch& dispatch, const Reflection& reflection, const Executor& executor) {
  const auto& fields = reflection.push;
  require(dispatch.push.size() == fields.size(), "{}: {} push constants given, the shader has {}", dispatch.label, dispatch.push.size(),
          fields.size());
  std::vector<std::byte> bytes(reflection.push_bytes);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const PushValue& value = dispatch.push[i];
    require(value.kind == fields[i].kind, "{}: push constant {} ({}) is of kind '{}', the shader's of kind '{}'", dispatch.label, i,
            fields[i].name, value.kind, fields[i].kind);
    const std::uint64_t address = value.kind == 'p' && value.tensor ? executor.address(value.tensor) : 0;
    const auto word = static_cast<std::uint32_t>(value.bits);  // Graph::dispatch saw that it fits
    if (value.kind == 'p') std::memcpy(bytes.data() + fields[i].offset, &address, 8);
    else std::memcpy(bytes.data() + fields[i].offset, &word, 4);
  }
  return bytes;
}

std::vector<MemoryUse> uses_of(const Dispatch& dispatch, const Reflection& reflection, const Executor& executor) {
  std::vector<MemoryUse> uses;
  for (std::size_t i = 0; i < dispatch.push.size(); ++i) {
    const PushValue& value = dispatch.push[i];
    if (value.kind != 'p' || !value.tensor) continue;
    const std::uint64_t begin = executor.address(value.tensor);
    uses.push_back({begin, begin + value.tensor.bytes(), reflection.push[i].access});
  }
  return uses;
}

std::vector<Cost> costs_of(const Graph& graph) {
  std::vector<Cost> costs;
  for (const Dispatch& dispatch : graph.dispatches()) costs.push_back(dispatch.cost);
  return costs;
}

}  // namespace

Executor::Executor(Pipelines& pipelines, const Graph& graph, const ExecutorOptions& options)
    : pipelines_(pipelines),
      device_(pipelines.device()),
      graph_(graph),
      options_(options),
      plan_(plan_memory(graph, plan_options(device_, options))),
      transfer_(device_),
      replay_(device_, costs_of(graph), options.profile) {
  const Storage* largest = largest_storage(graph);
  const std::string what =
      largest ? fmt::format("activations (the largest is {}, {} bytes)", largest->name, largest->bytes) : "activations";
  for (std::uint64_t done = 0; done < plan_.bytes; done += plan_.block)
    blocks_.emplace_back(device_, std::min(plan_.block, plan_.bytes - done), MemoryKind::device, what);
  if (options_.guard || options_.poison) fill(guard_word);
  upload_constants();
  pipelines_.prepare(pipelines_of(graph_));
  record();
}

std::uint64_t Executor::memory_needed(const Graph& graph, const Device& device) {
  return plan_memory(graph, plan_options(device, {})).bytes;
}

void Executor::fill(std::uint32_t word) {
  for (const Buffer& block : blocks_) transfer_.fill(block, 0, block.size(), word);
}

void Executor::upload_constants() {
  for (std::uint32_t i = 1; i < graph_.storages().size(); ++i) {
    const std::vector<float>& values = graph_.storages()[i].constant;
    if (values.empty() || plan_.offset[i] == MemoryPlan::unplaced) continue;
    transfer_.upload(blocks_[plan_.offset[i] / plan_.block], plan_.offset[i] % plan_.block, std::as_bytes(std::span(values)));
  }
}

Executor::Place Executor::place(const Tensor& x) const {
  const std::uint64_t offset = plan_.offset.at(x.storage);
  require(offset != MemoryPlan::unplaced, "{}: has no memory in this graph", graph_.storages().at(x.storage).name);
  return {offset / plan_.block, offset % plan_.block + x.offset};
}

std::uint64_t Executor::address(const Tensor& x) const {
  if (const std::uint64_t fixed = graph_.storages().at(x.storage).address) return fixed + x.offset;
  const Place at = place(x);
  return blocks_[at.block].address() + at.offset;
}

std::array<std::uint32_t, 3> Executor::groups_of(const Dispatch& dispatch, const Pipeline&) const {
  if (dispatch.rows == 0 && dispatch.items == 0) return dispatch.groups;
  std::uint64_t lanes = device_.lanes();
  for (const auto& [name, value] : dispatch.constants)
    if (name == "LANES") lanes = value;
  const std::uint64_t wanted = dispatch.rows ? dispatch.rows : (dispatch.items + lanes - 1) / lanes;
  return {static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted, device_.caps().max_groups)), 1, 1};
}

void Executor::record_dispatch(Recorder& recorder, const Dispatch& dispatch) {
  const Pipeline& pipeline = pipelines_.get(dispatch.shader, dispatch.constants, dispatch.subgroup);
  const Reflection& reflection = pipeline.shader->reflection;
  const auto push = pack(dispatch, reflection, *this);
  recorder.dispatch(pipeline, push, groups_of(dispatch, pipeline), uses_of(dispatch, reflection, *this));
}

std::vector<PipelineKey> pipelines_of(const Graph& graph) {
  std::vector<PipelineKey> keys;
  for (const Dispatch& dispatch : graph.dispatches()) keys.push_back({dispatch.shader, dispatch.constants, dispatch.subgroup});
  return keys;
}

void Executor::record() {
  replay_.record([this](Recorder& recorder, std::size_t i) { record_dispatch(recorder, graph_.dispatches()[i]); });
}

void Executor::run() {
  submit();
  wait();
}

void Executor::run_one_by_one() {
  for (const Dispatch& dispatch : graph_.dispatches()) {
    Recorder recorder(device_);
    record_dispatch(recorder, dispatch);
    const Commands commands = recorder.finish();
    const VkCommandBuffer handle = commands.handle();
    try {
      device_.run({&handle, 1});
    } catch (const DeviceLost& lost) {
      throw DeviceLost(fmt::format("{}: {}", dispatch.label, lost.what()));
    }
  }
}

void Executor::submit() {
  if (device_.one_by_one()) return run_one_by_one();
  record();  // anew where the last run took longer than expected
  replay_.submit();
}

void Executor::wait() { replay_.wait(); }

void Executor::write(const Tensor& to, std::span<const std::byte> data) {
  require(data.size() == to.bytes(), "{}: {} bytes given, it has {}", graph_.storages().at(to.storage).name, data.size(), to.bytes());
  const Place at = place(to);
  transfer_.upload(blocks_[at.block], at.offset, data);
}

void Executor::read(const Tensor& from, std::span<std::byte> data) {
  require(data.size() == from.bytes(), "{}: {} bytes asked for, it has {}", graph_.storages().at(from.storage).name, data.size(),
          from.bytes());
  require(graph_.storages().at(from.storage).kept, "{}: is not kept, its memory may hold something else by now",
          graph_.storages().at(from.storage).name);
  const Place at = place(from);
  transfer_.download(blocks_[at.block], at.offset, data);
}

std::vector<float> Executor::read_floats(const Tensor& from) {
  std::vector<float> values(from.size());
  if (from.dtype == DType::f32) {
    read(from, std::as_writable_bytes(std::span(values)));
  } else {
    std::vector<std::uint16_t> bits(from.size());
    read(from, std::as_writable_bytes(std::span(bits)));
    std::transform(bits.begin(), bits.end(), values.begin(), from.dtype == DType::f16 ? from_f16 : from_bf16);
  }
  const auto bad = std::count_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  if (bad > 0 && non_finite_reads_.count == 0) non_finite_reads_.first = graph_.storages().at(from.storage).name;
  non_finite_reads_.count += static_cast<std::uint64_t>(bad);
  return values;
}

std::vector<std::int32_t> Executor::read_ints(const Tensor& from) {
  std::vector<std::int32_t> values(from.size());
  read(from, std::as_writable_bytes(std::span(values)));
  return values;
}

void Executor::write_floats(const Tensor& to, std::span<const float> data) {
  if (to.dtype == DType::f32) return write(to, std::as_bytes(data));
  std::vector<std::uint16_t> bits(data.size());
  std::transform(data.begin(), data.end(), bits.begin(), to.dtype == DType::f16 ? to_f16 : to_bf16);
  write(to, std::as_bytes(std::span(bits)));
}

void Executor::write_ints(const Tensor& to, std::span<const std::int32_t> data) { write(to, std::as_bytes(data)); }

std::vector<DispatchTime> Executor::times() const {
  const std::vector<double> seconds = replay_.intervals();
  std::vector<DispatchTime> times;
  for (std::size_t i = 0; i < seconds.size() && i < graph_.dispatches().size(); ++i)
    times.push_back({graph_.dispatches()[i].label, seconds[i], graph_.dispatches()[i].cost});
  return times;
}

void Executor::check_guards() {
  std::vector<std::uint32_t> band(guard_bytes / 4);
  for (std::uint32_t i = 1; i < graph_.storages().size(); ++i) {
    const Storage& storage = graph_.storages()[i];
    if (plan_.offset[i] == MemoryPlan::unplaced) continue;
    const Buffer& block = blocks_[plan_.offset[i] / plan_.block];
    const std::uint64_t start = plan_.offset[i] % plan_.block, end = start + (storage.bytes + 3) / 4 * 4;
    for (const std::uint64_t at : {start - guard_bytes, end}) {
      transfer_.download(block, at, std::as_writable_bytes(std::span(band)));
      const bool intact = std::all_of(band.begin(), band.end(), [](std::uint32_t word) { return word == guard_word; });
      if (!intact)
        throw RunError(fmt::format("a kernel wrote {} the {} bytes of {}", at < start ? "before" : "past", storage.bytes, storage.name));
    }
  }
}

std::optional<std::string> Executor::first_non_finite() {
  for (const Dispatch& dispatch : graph_.dispatches()) {
    Recorder recorder(device_);
    record_dispatch(recorder, dispatch);
    const Commands commands = recorder.finish();
    const VkCommandBuffer handle = commands.handle();
    device_.run({&handle, 1});
    const Reflection& reflection = pipelines_.library().find(dispatch.shader).reflection;
    for (std::size_t i = 0; i < dispatch.push.size(); ++i) {
      const Tensor& x = dispatch.push[i].tensor;
      const bool written = reflection.push[i].access == Access::write || reflection.push[i].access == Access::read_write;
      if (!written || !x || plan_.offset.at(x.storage) == MemoryPlan::unplaced || x.dtype == DType::i32 || x.dtype == DType::u16) continue;
      std::vector<std::byte> bytes(x.bytes());
      const Place at = place(x);
      transfer_.download(blocks_[at.block], at.offset, bytes);
      for (std::uint64_t e = 0; e < x.size(); ++e) {
        float value = 0;
        std::uint16_t half = 0;
        if (x.dtype == DType::f32) std::memcpy(&value, bytes.data() + 4 * e, 4);
        else std::memcpy(&half, bytes.data() + 2 * e, 2), value = x.dtype == DType::f16 ? from_f16(half) : from_bf16(half);
        if (!std::isfinite(value))
          return fmt::format("{} ({}, element {} of {})", dispatch.label, graph_.storages().at(x.storage).name, e, to_string(x.shape));
      }
    }
  }
  return std::nullopt;
}

}  // namespace ablate
