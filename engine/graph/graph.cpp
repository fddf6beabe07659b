#include "graph/graph.h"

#include "base/storage_format.h"
#include "graph/cut.h"

namespace ablate {

Tensor Graph::make(Storage storage, Shape shape, DType dtype) {
  Tensor x;
  x.dtype = dtype;
  x.shape = std::move(shape);
  x.storage = static_cast<std::uint32_t>(storages_.size());
  x.value = ++values_;
  storage.bytes = x.bytes();
  if (storage.name.empty()) storage.name = scope_;
  storages_.push_back(std::move(storage));
  return x;
}

Tensor Graph::tensor(Shape shape, DType dtype, std::string name) { return make({.name = std::move(name)}, std::move(shape), dtype); }

Tensor Graph::input(std::string name, Shape shape, DType dtype) {
  return make({.name = std::move(name), .kept = true}, std::move(shape), dtype);
}

Tensor Graph::constant(std::string name, Shape shape, std::vector<float> values) {
  require(values.size() == size_of(shape), "{}: {} values for {}", name, values.size(), to_string(shape));
  return make({.name = std::move(name), .kept = true, .constant = std::move(values)}, std::move(shape), DType::f32);
}

Tensor Graph::external(std::string name, Shape shape, DType dtype, std::uint64_t address) {
  require(address != 0, "{}: external memory needs an address", name);
  return make({.name = std::move(name), .address = address, .kept = true}, std::move(shape), dtype);
}

Tensor Graph::keep(const Tensor& x) {
  storages_.at(x.storage).kept = true;
  return x;
}

Tensor Graph::reshape(const Tensor& x, Shape shape) {
  require(size_of(shape) == x.size(), "reshape: {} elements as {} cannot be {}", x.size(), to_string(x.shape), to_string(shape));
  Tensor y = x;
  y.shape = std::move(shape);
  y.value = ++values_;
  return differentiable(y, {x}, [from = x.shape](Graph& g, const Tensor& dy) { return std::vector<Tensor>{g.reshape(dy, from)}; });
}

Tensor Graph::slice(const Tensor& x, std::uint32_t first, std::uint32_t count) {
  require(!x.shape.empty() && std::uint64_t{first} + count <= x.dim(0), "slice: rows {} to {} of {}", first, first + count,
          to_string(x.shape));
  Tensor y = x;
  y.offset += x.bytes() / x.dim(0) * first;
  y.shape[0] = count;
  y.value = ++values_;
  return y;
}

// A kernel that is not compiled for a storage format would take its blocks for numbers.
void Graph::require_readable(const Dispatch& dispatch) const {
  for (const PushValue& value : dispatch.push) {
    if (value.kind != 'p' || !value.tensor || !is_blocks(value.tensor.dtype)) continue;
    const std::string_view format = name_of(value.tensor.dtype);
    require(dispatch.shader.ends_with(fmt::format(".{}", format)),
            "{}: {} is kept as {}, which {} does not read: model.stored = \"f32\" keeps it as numbers", dispatch.label,
            storages_.at(value.tensor.storage).name, format, dispatch.shader);
  }
}

void Graph::dispatch(Dispatch dispatch) {
  for (PushValue& value : dispatch.push)
    if (value.kind == 'p') value.tensor = stand_in(value.tensor);
  dispatch.label = scope_.empty() ? dispatch.shader : scope_ + ": " + dispatch.shader;
  require_readable(dispatch);
  for (Dispatch& piece : pieces_of(std::move(dispatch), caps_.max_elements, most_of_a_launch(caps_)))
    dispatches_.push_back(std::move(piece));
}

Tensor Graph::differentiable(const Tensor& y, std::vector<Tensor> inputs, Vjp vjp) {
  bool wanted = false;
  for (const Tensor& input : inputs) wanted = wanted || wants_gradient(input);
  if (!wanted) return y;
  wanted_.emplace(y.value, false);
  nodes_.push_back({y, std::move(inputs), std::move(vjp), scope_, open_block_});
  return y;
}

void Graph::require_gradient(const Tensor& leaf) { wanted_[leaf.value] = true; }

bool Graph::wants_gradient(const Tensor& x) const { return x && wanted_.contains(x.value); }

DType Graph::gradient_dtype(const Tensor& x) const {
  const auto found = wanted_.find(x.value);
  return found != wanted_.end() && found->second ? DType::f32 : x.dtype;
}

bool Graph::place(const Tensor& x, std::uint64_t address) {
  Storage& storage = storages_.at(x.storage);
  if (storage.kept || storage.address != 0 || x.offset != 0 || x.bytes() != storage.bytes) return false;
  storage.address = address;
  storage.kept = true;
  return true;
}

Cost Graph::cost() const {
  Cost total;
  for (const Dispatch& dispatch : dispatches_) {
    total.flop += dispatch.cost.flop;
    total.bytes += dispatch.cost.bytes;
  }
  return total;
}

}  // namespace ablate
