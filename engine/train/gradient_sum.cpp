#include "train/gradient_sum.h"

#include "ops/optimizer.h"
#include "ops/store.h"

#include <algorithm>

namespace ablate {
namespace {

constexpr std::uint64_t share_elements = 16u << 20;
constexpr std::uint64_t row = 64;  // every block of parameters is padded to it

std::span<std::byte> bytes_of(SumNotes& notes) { return std::as_writable_bytes(std::span(&notes, 1)); }

}  // namespace

GradientSum::GradientSum(Pipelines& pipelines, const Weights& weights, Collective& ranks) : ranks_(ranks) {
  const Device& device = pipelines.device();
  for (const Weights::Block& block : weights.blocks()) {
    buffers_.emplace_back(device, block.count * 4, MemoryKind::upload, "gradients received");
    buffers_.emplace_back(device, block.count * 4, MemoryKind::readback, "gradients to send");
    const std::size_t in = buffers_.size() - 2;
    for (std::uint64_t first = 0; first < block.count; first += share_elements)
      add_share(pipelines, block, first, std::min(share_elements, block.count - first), buffers_[in], buffers_[in + 1]);
  }
}

void GradientSum::add_share(Pipelines& pipelines, const Weights::Block& block, std::uint64_t first, std::uint64_t count, const Buffer& in,
                            const Buffer& out) {
  const auto part = [&](Graph& graph, const char* name, const Buffer& buffer) {
    return graph.external(name, {dimension(count / row, name), row}, DType::f32, buffer.address() + 4 * first);
  };
  const auto gradient = [&](Graph& graph) { return part(graph, "gradient", block.gradient); };
  Share share;
  share.in = {in.mapped() + 4 * first, 4 * count}, share.out = {out.mapped() + 4 * first, 4 * count};
  share.add = job(pipelines, [&](Graph& graph) { accumulate(graph, gradient(graph), part(graph, "received", in)); });
  share.give = job(pipelines, [&](Graph& graph) { store(graph, gradient(graph), part(graph, "to send", out)); });
  share.take = job(pipelines, [&](Graph& graph) { store(graph, part(graph, "received", in), gradient(graph)); });
  shares_.push_back(share);
}

GradientSum::Job* GradientSum::job(Pipelines& pipelines, const std::function<void(Graph&)>& append) {
  Job& job = jobs_.emplace_back(pipelines.device().caps());
  append(job.graph);
  job.executor.emplace(pipelines, job.graph);
  return &job;
}

void GradientSum::pass(int piece, int pieces, SumNotes& notes) {
  const bool first = piece == 0, last = piece + 1 == pieces;
  ranks_.finish_sends();  // of the pass before, whose memory is used again
  if (!first) {
    SumNotes before;
    ranks_.receive(rank_of(piece - 1), bytes_of(before));
    notes.loss = before.loss + notes.loss;
    notes.stop |= before.stop;
  }
  sent_ = notes;
  if (!last) ranks_.send(rank_of(piece + 1), bytes_of(sent_));
  for (const Share& share : shares_) {
    if (!first) {
      ranks_.receive(rank_of(piece - 1), share.in);
      share.add->executor->run();
    }
    if (last) continue;
    share.give->executor->run();
    ranks_.send(rank_of(piece + 1), share.out);
  }
}

void GradientSum::share(int pieces, SumNotes& notes) {
  const int from = rank_of(pieces - 1);
  const bool has = ranks_.rank() == from;
  ranks_.finish_sends();
  ranks_.broadcast(from, bytes_of(notes));
  for (const Share& share : shares_) {
    if (has) share.give->executor->run();
    ranks_.broadcast(from, has ? share.out : share.in);
    if (!has) share.take->executor->run();
  }
}

}  // namespace ablate
