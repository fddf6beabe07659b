// The gradient of a batch whose pieces are shared out among ranks.
#pragma once

#include "collective/collective.h"
#include "graph/executor.h"
#include "model/weights.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace ablate {

/// What travels with a sum.
struct SumNotes {
  float loss = 0;          ///< of the pieces so far, each its share of the batch's mean
  std::uint32_t stop = 0;  ///< whether a rank was asked to stop
};

/// Adds the gradients of pieces in the order of the pieces, as one rank that does them one after the other (f32 sums depend on their order): the sum
/// goes from rank to rank, piece i being done by rank i mod size, and from the last of them to all. It moves in shares, so that the ranks add
/// and send at the same time, while the next pieces are computed.
class GradientSum {
 public:
  /// For the gradients of `weights`, which must have memory.
  GradientSum(Pipelines& pipelines, const Weights& weights, Collective& ranks);

  /// The arenas of gradients hold those of `piece`, `notes` what belongs to it: adds what the pieces before it have, and passes it on.
  void pass(int piece, int pieces, SumNotes& notes);
  /// After the last pass: gives every rank the sum.
  void share(int pieces, SumNotes& notes);

 private:
  /// One dispatch, or the pieces it is cut into.
  struct Job {
    Graph graph;
    std::optional<Executor> executor;
    explicit Job(const Caps& caps) : graph(caps) {}
  };
  struct Share {
    std::span<std::byte> in, out;  ///< host memory that the device sees
    Job* add;                      ///< gradient += in
    Job* give;                     ///< out = gradient
    Job* take;                     ///< gradient = in
  };
  void add_share(Pipelines& pipelines, const Weights::Block& block, std::uint64_t first, std::uint64_t count, const Buffer& in,
                 const Buffer& out);
  Job* job(Pipelines& pipelines, const std::function<void(Graph&)>& append);
  int rank_of(int piece) const { return piece % ranks_.size(); }

  Collective& ranks_;
  std::vector<Buffer> buffers_;
  std::deque<Job> jobs_;
  std::vector<Share> shares_;
  SumNotes sent_;  ///< stays while it is under way
};

}  // namespace ablate
