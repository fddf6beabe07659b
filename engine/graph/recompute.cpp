// Blocks that are computed twice: once on the way forward, of which only the output is kept, and again before their backward pass, into
// memory of their own. What vjps recorded still names the first tensors; dispatches and gradients made meanwhile get the second ones.
#include "graph/graph.h"

#include <algorithm>
#include <set>

namespace ablate {

Tensor Graph::block(const std::function<Tensor()>& build) {
  require(open_block_ == no_block, "{}: a block within a block", scope_);
  open_block_ = blocks_.size();
  Block block{dispatches_.size(), 0, static_cast<std::uint32_t>(storages_.size()), 0, 0};
  Tensor output;
  try {
    output = build();
  } catch (...) {
    open_block_ = no_block;
    throw;
  }
  open_block_ = no_block;
  block.end_dispatch = dispatches_.size(), block.end_storage = static_cast<std::uint32_t>(storages_.size());
  block.output = output.storage;
  blocks_.push_back(block);
  return output;
}

Tensor Graph::stand_in(Tensor x) const {
  if (const auto found = stand_ins_.find(x.storage); found != stand_ins_.end()) x.storage = found->second;
  return x;
}

void Graph::enter(std::size_t block) {
  if (!access_of_ || block == open_block_) return;
  leave();
  open_block_ = block;
  if (block != no_block) repeat(blocks_.at(block));
}

void Graph::leave() {
  if (std::exchange(open_block_, no_block) == no_block) return;
  drop_unread();
  stand_ins_.clear();
}

void Graph::repeat(const Block& block) {
  repeated_ = dispatches_.size();
  first_stand_in_ = static_cast<std::uint32_t>(storages_.size());
  for (std::size_t i = block.first_dispatch; i < block.end_dispatch; ++i) {
    Dispatch again = dispatches_[i];
    for (PushValue& value : again.push) {
      const std::uint32_t storage = value.kind == 'p' ? value.tensor.storage : 0;
      if (storage < block.first_storage || storage >= block.end_storage || storages_[storage].kept) continue;
      const auto [place, fresh] = stand_ins_.emplace(storage, static_cast<std::uint32_t>(storages_.size()));
      if (fresh) storages_.push_back(Storage(storages_[storage]));
      value.tensor.storage = place->second;
    }
    again.label.insert(std::min(again.label.find(": "), again.label.size()), ".again");
    dispatches_.push_back(std::move(again));
  }
  repeats_end_ = dispatches_.size();
  stand_ins_.erase(block.output);  // which is still there
}

bool Graph::is_written(const Dispatch& dispatch, std::size_t push) const {
  if (dispatch.push[push].kind != 'p' || !dispatch.push[push].tensor) return false;
  const Access access = access_of_(dispatch.shader, push);
  return access == Access::write || access == Access::read_write;
}

// From the last to the first, for what one needs is written by those before it.
void Graph::drop_unread() {
  std::set<std::uint32_t> read;
  const auto reads = [&](const Dispatch& dispatch) {
    for (const PushValue& value : dispatch.push)
      if (value.kind == 'p') read.insert(value.tensor.storage);
  };
  for (std::size_t i = repeats_end_; i < dispatches_.size(); ++i) reads(dispatches_[i]);
  std::vector<Dispatch> kept;
  for (std::size_t i = repeats_end_; i-- > repeated_;) {
    Dispatch& dispatch = dispatches_[i];
    bool needed = false;
    std::string elsewhere;
    for (std::size_t push = 0; push < dispatch.push.size(); ++push) {
      if (!is_written(dispatch, push)) continue;
      const std::uint32_t storage = dispatch.push[push].tensor.storage;
      if (storage < first_stand_in_) elsewhere = storages_[storage].name;
      else needed = needed || read.contains(storage);
    }
    if (!needed) continue;
    require(elsewhere.empty(), "{}: writes {}, which is not its block's, and cannot be computed again", dispatch.label, elsewhere);
    reads(dispatch);
    kept.push_back(std::move(dispatch));
  }
  const auto repeats = dispatches_.begin() + static_cast<std::ptrdiff_t>(repeated_);
  const auto backward = dispatches_.begin() + static_cast<std::ptrdiff_t>(repeats_end_);
  dispatches_.erase(std::move(kept.rbegin(), kept.rend(), repeats), backward);
}

}  // namespace ablate
