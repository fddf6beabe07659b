// A static computation: storages and the dispatches over them, built once by the ops, differentiated op by op.
#pragma once

#include "base/error.h"
#include "graph/choices.h"
#include "graph/tensor.h"
#include "vulkan/caps.h"
#include "vulkan/device_speed.h"
#include "vulkan/pipeline.h"

#include <array>
#include <bit>
#include <concepts>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ablate {

class Graph;

/// One push constant of a dispatch: a tensor (becomes its device address; none becomes null) or a number. Kernels take 32 bits; a count may
/// be given in 64, and is cut or refused when the dispatch is added (graph/cut.h).
struct PushValue {
  char kind;  ///< as PushField::kind
  Tensor tensor;
  std::uint64_t bits = 0;

  PushValue(Tensor value) : kind('p'), tensor(std::move(value)) {}
  template <std::floating_point T>
  PushValue(T value) : kind('f'), bits(std::bit_cast<std::uint32_t>(static_cast<float>(value))) {}
  template <std::unsigned_integral T>
  PushValue(T value) : kind('u'), bits(value) {}
  template <std::signed_integral T>
  PushValue(T value) : kind('i'), bits(static_cast<std::uint32_t>(value)) {
    require(std::in_range<std::int32_t>(value), "a push constant of {} does not fit 32 bits", value);
  }
};

/// How a launch falls into pieces where its tensors are larger than a kernel's 32-bit, signed indices reach (Caps::max_elements): into runs
/// of units that have nothing to do with each other (elements, rows, sequences, chunks of rows), each a launch of its own.
struct Cut {
  struct Share {
    std::uint32_t push;  ///< which push constant: a tensor, of which each unit has its own elements, one unit's after another's; or a count
    std::uint64_t each;  ///< elements, or how much of the count, that a unit has (the last units may have fewer)
  };
  std::uint64_t units = 0;  ///< 0: the launch cannot be cut
  std::uint64_t step = 1;   ///< pieces begin at multiples of so many units
  std::vector<Share> shares;

  // Constructors, for GCC 12 takes the members of an aggregate within an aggregate for uninitialized.
  Cut() = default;
  Cut(std::uint64_t units, std::uint64_t step, std::vector<Share> shares) : units(units), step(step), shares(std::move(shares)) {}
};

/// One launch. Which tensors it reads and writes follows from the pointer types of the shader's push constants.
struct Dispatch {
  std::string shader;
  std::vector<PushValue> push;            ///< in the order of the shader's block
  Cut cut{};                              ///< of rows or items; launches of exact workgroups are not cut
  std::uint64_t rows = 0;                 ///< launch one workgroup per row (the kernel loops if there are more rows than workgroups), or
  std::uint64_t items = 0;                ///< launch one invocation per item (same), or
  std::array<std::uint32_t, 3> groups{};  ///< launch exactly these workgroups
  Specialization constants{};
  std::uint32_t subgroup = 0;  ///< required subgroup size; 0: any
  Cost cost{};
  std::string label{};  ///< set by Graph: the scope it was added in
};

struct Storage {
  std::string name{};
  std::uint64_t bytes = 0;
  std::uint64_t address = 0;      ///< fixed device address of memory owned by someone else; 0: the planner places it
  bool kept = false;              ///< holds its content from run to run (inputs, results); never shares memory
  std::vector<float> constant{};  ///< initial content
};

/// Given the gradient of an op's output, appends the gradients of its inputs: one per input, empty for none.
using Vjp = std::function<std::vector<Tensor>(Graph&, const Tensor&)>;

class Graph {
 public:
  /// Without `choices` every op takes its default kernel. Both must outlive the graph.
  explicit Graph(const Caps& caps, const Choices* choices = nullptr) : caps_(caps), choices_(choices), storages_(1) {}

  const Caps& caps() const { return caps_; }
  /// The tuned answer to an op's question about this device, if there is one.
  std::optional<std::string> choice(const std::string& question) const { return choices_ ? choices_->find(question) : std::nullopt; }

  /// A new intermediate; its memory is shared with others that are not live at the same time.
  Tensor tensor(Shape shape, DType dtype, std::string name = "");
  Tensor like(const Tensor& x) { return tensor(x.shape, x.dtype); }
  /// Written by the host between runs, or read by it after one: its memory is its own.
  Tensor input(std::string name, Shape shape, DType dtype);
  /// Fixed f32 numbers (a rotation table, say), uploaded when an executor is made.
  Tensor constant(std::string name, Shape shape, std::vector<float> values);
  /// Memory that lives outside this graph, at a device address.
  Tensor external(std::string name, Shape shape, DType dtype, std::uint64_t address);
  /// Makes the content of `x` outlive the run, so that the host can read it.
  Tensor keep(const Tensor& x);
  /// The same elements under another shape. Throws InputError when the sizes differ. Differentiable.
  Tensor reshape(const Tensor& x, Shape shape);
  /// Rows [first, first + count) of the outermost dimension. Not differentiable.
  Tensor slice(const Tensor& x, std::uint32_t first, std::uint32_t count);

  /// Adds a launch, in pieces where it must be (see Cut). Throws InputError naming the op, the shader and the shape of what a kernel cannot
  /// index and that cannot be cut.
  void dispatch(Dispatch dispatch);

  /// States that `y` depends on `inputs` and how gradients flow back. Returns y.
  Tensor differentiable(const Tensor& y, std::vector<Tensor> inputs, Vjp vjp);

  /// Marks a leaf to differentiate with respect to; its gradient is always f32.
  void require_gradient(const Tensor& leaf);
  /// Whether anything to differentiate with respect to reaches `x`: a vjp need not compute gradients for inputs where it does not.
  bool wants_gradient(const Tensor& x) const;
  /// Element type of the gradient of `x`.
  DType gradient_dtype(const Tensor& x) const;
  /// Inside a vjp: the part of the gradient of `x` gathered so far, removed from the books; a kernel that adds it saves a pass. Empty if
  /// none.
  Tensor take_gradient(const Tensor& x);

  /// Marks what `build` appends as a block: from what it reads, the rest of it can be computed again. Returns what `build` does, the block's output,
  /// which is kept. Blocks do not nest.
  Tensor block(const std::function<Tensor()>& build);
  /// How a shader uses the memory behind one of its push constants.
  using AccessOf = std::function<Access(const std::string& shader, std::size_t push)>;
  /// From here on backward() computes a block's intermediates again just before it differentiates the block, so that those of one block live at a
  /// time: the same dispatches, so the same bits. Those whose results nothing reads are left out.
  void recompute_blocks(AccessOf access_of) { access_of_ = std::move(access_of); }

  /// Appends the backward pass of `loss` seeded with `seed` (same shape). `add` sums two tensors (graph knows no ops). Gradients of leaves
  /// are then given by gradient().
  void backward(const Tensor& loss, const Tensor& seed, const std::function<Tensor(Graph&, const Tensor&, const Tensor&)>& add);
  /// The gradient of `leaf` after backward(); empty when the loss does not depend on it.
  Tensor gradient(const Tensor& leaf) const;

  /// Makes `x`, an intermediate that fills its storage, live at a fixed device address instead. Returns false if it cannot.
  bool place(const Tensor& x, std::uint64_t address);

  const std::vector<Storage>& storages() const { return storages_; }
  const std::vector<Dispatch>& dispatches() const { return dispatches_; }
  Cost cost() const;

  /// Names the dispatches added while it lives: "layer.3.attn". Scopes nest.
  class Scope {
   public:
    Scope(Graph& graph, const std::string& name) : graph_(graph), before_(graph.scope_) {
      graph.scope_ += graph.scope_.empty() ? name : "." + name;
    }
    ~Scope() { graph_.scope_ = before_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Graph& graph_;
    std::string before_;
  };

 private:
  struct DiffNode {
    Tensor y;
    std::vector<Tensor> inputs;
    Vjp vjp;
    std::string scope;
    std::size_t block;  // index of `blocks_`, or no_block
  };
  struct Block {
    std::size_t first_dispatch, end_dispatch;
    std::uint32_t first_storage, end_storage;  // made in it
    std::uint32_t output;                      // a storage
  };
  static constexpr std::size_t no_block = ~std::size_t{0};

  Tensor stand_in(Tensor x) const;
  void enter(std::size_t block);
  void leave();
  void repeat(const Block& block);
  void drop_unread();
  bool is_written(const Dispatch& dispatch, std::size_t push) const;

  Tensor make(Storage storage, Shape shape, DType dtype);
  void require_readable(const Dispatch& dispatch) const;

  const Caps& caps_;
  const Choices* choices_;
  std::vector<Storage> storages_;
  std::vector<Dispatch> dispatches_;
  std::vector<DiffNode> nodes_;
  std::uint32_t values_ = 0;
  std::map<std::uint32_t, bool> wanted_;       // value -> is a leaf
  std::map<std::uint32_t, Tensor> gradients_;  // value -> gradient so far
  std::string scope_;

  // Computing again (recompute.cpp).
  AccessOf access_of_;
  std::vector<Block> blocks_;                         // of the forward pass that is not differentiated yet
  std::size_t open_block_ = no_block;                 // being built, or, in backward(), differentiated
  std::size_t repeated_ = 0, repeats_end_ = 0;        // the dispatches that were repeated for it
  std::uint32_t first_stand_in_ = 0;                  // the first storage that they got
  std::map<std::uint32_t, std::uint32_t> stand_ins_;  // storage of the block -> what took its place
};

}  // namespace ablate
