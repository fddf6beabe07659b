#include "train/trainer.h"

#include "base/signals.h"
#include "ops/add.h"
#include "ops/copy_words.h"
#include "ops/cross_entropy.h"
#include "ops/loss_guard.h"
#include "ops/muon.h"

#include <cmath>
#include <cstring>

namespace ablate {
namespace {

constexpr std::uint64_t logits_bytes = 256ull << 20;  // of one chunk of logits
constexpr std::size_t losses_kept = 100;
constexpr float first_loss_scale = 65536.0f;     // torch.amp.GradScaler
constexpr float smallest_loss_scale = 0x1p-20f;  // below this, overflows are not the scale's fault

OptimizerOptions optimizer_options(const TrainSettings& s, DType activations) {
  OptimizerOptions o;
  o.beta1 = s.betas.first, o.beta2 = s.betas.second, o.eps = s.eps, o.momentum = s.momentum;
  o.weight_decay = s.weight_decay;
  o.clip = s.clip;
  o.dynamic_loss_scale = activations == DType::f16;
  return o;
}

// The runs of elements of a block that decay.
std::vector<std::pair<std::uint64_t, std::uint64_t>> decayed(const TrainSettings& s, const Weights& weights, std::size_t block) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> runs;
  for (const Weights::Entry& entry : weights.entries()) {
    if (s.decay == "matrices" && entry.spec.shape.size() < 2) continue;
    for (const Weights::Part& part : entry.parts) {
      if (part.block != block) continue;
      if (!runs.empty() && runs.back().first + runs.back().second == part.offset) runs.back().second += part.padded;
      else runs.emplace_back(part.offset, part.padded);
    }
  }
  return runs;
}

// A run of a block's elements, by its arenas.
struct Run {
  std::uint64_t first = 0, count = 0;

  OptimizerArenas of(OptimizerArenas arenas) const {
    for (Tensor* x : {&arenas.parameters, &arenas.gradients, &arenas.m, &arenas.v, &arenas.mirror})
      if (*x) *x = x->elements(first, count);
    return arenas;
  }
  /// What of those runs lies in this one, counted from its start.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> within(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& runs) const {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> own;
    for (const auto& [offset, size] : runs) {
      const std::uint64_t begin = std::max(offset, first), end = std::min(offset + size, first + count);
      if (begin < end) own.emplace_back(begin - first, end - begin);
    }
    return own;
  }
};

bool is_muons(const Weights::Entry& entry) {
  return entry.spec.kind == ParameterKind::linear || entry.spec.kind == ParameterKind::residual_linear;
}

// Moves the matrices of a block that are Muon's, and returns the runs between them.
std::vector<Run> muon_step(Graph& graph, const Weights& weights, std::size_t block, const OptimizerArenas& arenas,
                           const StepControl& control, const Tensor& lr, const MuonOptions& options) {
  std::vector<Run> rest;
  std::uint64_t done = 0;
  for (const Weights::Entry& entry : weights.entries()) {
    if (!is_muons(entry) || entry.parts.front().block != block) continue;
    const Weights::Part& part = entry.parts.front();
    const auto matrices = static_cast<std::uint64_t>(entry.spec.matrices), each = part.count / matrices;
    require(entry.parts.size() == 1, "train.optimizer: muon needs {} in one piece, and no allocation holds it", entry.spec.name);
    for (std::uint64_t i = 0; i < matrices; ++i)
      muon(graph, Run{part.offset + i * each, each}.of(arenas),
           dimension(static_cast<std::uint64_t>(entry.spec.shape[0]) / matrices, "muon"),
           dimension(static_cast<std::uint64_t>(entry.spec.shape[1]), "muon"), control, lr, options);
    if (part.offset > done) rest.push_back({done, part.offset - done});
    done = part.offset + part.padded;
  }
  if (done < weights.blocks()[block].count) rest.push_back({done, weights.blocks()[block].count - done});
  return rest;
}

// The arenas of a block, as a graph sees them.
OptimizerArenas arenas_of(Graph& graph, const Weights::Block& block, bool second_moment, DType activations) {
  constexpr std::uint32_t row = 64;  // every parameter is padded to it; an arena may have more elements than a dimension can
  const auto arena = [&](const char* name, const Buffer& buffer, DType type) {
    return graph.external(name, {dimension(block.count / row, name), row}, type, buffer.address());
  };
  OptimizerArenas arenas{arena("weights", block.master, DType::f32), arena("gradients", block.gradient, DType::f32),
                         arena("first moments", block.m, DType::f32)};
  if (second_moment) arenas.v = arena("second moments", block.v, DType::f32);
  if (activations != DType::f32) arenas.mirror = arena("16-bit weights", block.mirror, activations);
  return arenas;
}

}  // namespace

Trainer::Trainer(Pipelines& pipelines, Weights& weights, const DataSource& data, const TrainSettings& settings, DType activations,
                 Tuner* tuner, const ExecutorOptions& options, Collective* ranks)
    : pipelines_(pipelines),
      weights_(weights),
      data_(data),
      settings_(settings),
      activations_(activations),
      rows_(static_cast<std::uint32_t>(settings.batch / settings.accumulate)),
      tokens_(static_cast<std::uint32_t>(settings.seq_len)),
      ranks_(ranks && ranks->size() > 1 ? ranks : nullptr),
      loss_spikes_(settings) {
  const TransformerConfig& config = weights.config();
  require(settings.batch % settings.accumulate == 0, "train.accumulate: a batch of {} does not divide into {} pieces", settings.batch,
          settings.accumulate);
  require(!ranks_ || settings.accumulate % ranks_->size() == 0,
          "train.accumulate: {} pieces cannot be shared out evenly among {} ranks: start as many as divide it, or change it",
          settings.accumulate, ranks ? ranks->size() : 1);
  require(config.position == Position::rope || config.position == Position::none || settings.seq_len <= config.max_seq_len,
          "train.seq_len: {} tokens are more than the model's {} positions (model.max_seq_len)", settings.seq_len, config.max_seq_len);
  require(config.position_offset == 0, "model.position_offset: a table of positions that is used from row {} on cannot be trained",
          config.position_offset);
  const auto [a, b] = settings.loss_positions.value_or(std::pair<int, int>{0, settings.seq_len});
  require(0 <= a && a < b && b <= settings.seq_len, "loss_positions: expected 0 <= first < end <= {} (train.seq_len), found [{}, {}]",
          settings.seq_len, a, b);
  const Device& device = pipelines.device();
  const std::uint64_t positions = std::uint64_t{rows_} * tokens_ * static_cast<std::uint32_t>(settings.accumulate);
  const auto buffer = [&](std::uint64_t bytes, MemoryKind kind, const char* name) {
    return weights.allocated() ? Buffer(device, bytes, kind, name) : Buffer::planned(bytes);
  };
  host_in_ = buffer((2 * positions + 3) * 4, MemoryKind::upload, "batch");
  host_out_ = buffer(16, MemoryKind::readback, "step report");
  state_ = buffer(sizeof(StepState), MemoryKind::device, "optimizer state");
  StepState state;
  if (activations == DType::f16) state.loss_scale = first_loss_scale;
  if (weights.allocated()) weights.transfer().upload(state_, 0, std::as_bytes(std::span(&state, 1)));
  counted_ = static_cast<double>(settings.batch) * (b - a);
  recomputation_.blocks = settings.recompute == "blocks";
  build(tuner);
  if (settings.recompute == "auto") decide_recomputation(tuner);
  if (!weights.allocated()) return;
  executor_ = std::make_unique<Executor>(pipelines_, *graph_, options);
  if (!ranks_) return;
  update_ = std::make_unique<Executor>(pipelines_, *update_graph_);
  sum_.emplace(pipelines_, weights_, *ranks_);
}

// One piece of the batch, forward and backward; its losses.
Tensor Trainer::piece(ParameterTensors& parameters, const Tensor& scale, std::uint32_t index) {
  Graph& graph = *graph_;
  const Graph::Scope scope(graph, settings_.accumulate > 1 ? "piece." + std::to_string(index) : "step");
  const std::uint32_t positions = dimension(std::uint64_t{rows_} * tokens_, "train.batch: the tokens of a piece");
  const std::uint64_t all = std::uint64_t{positions} * static_cast<std::uint32_t>(settings_.accumulate);
  const auto fetch = [&](const char* name, Shape shape, std::uint64_t offset) {
    const Tensor device = graph.tensor(shape, DType::i32, name);
    copy_words(graph, graph.external(name, shape, DType::i32, host_in_.address() + 4 * offset), device);
    return device;
  };
  const Tensor ids = fetch("ids", {rows_, tokens_}, std::uint64_t{index} * positions),
               targets = fetch("targets", {positions}, all + std::uint64_t{index} * positions);
  Transformer model(graph, parameters, tokens_, {}, activations_);
  const Tensor losses = model.losses(model.hidden(ids), targets, scale, logits_bytes);
  backward(graph, losses, losses);  // the seed is never read: the loss carries its weight already
  parameters.place_gradients(index > 0);
  return losses;
}

// The graph of a step, with the kernels that a tuner finds for it.
void Trainer::build(Tuner* tuner) {
  do {
    const Choices* choices = tuner ? &tuner->choices() : nullptr;
    graph_.emplace(pipelines_.device().caps(), choices);
    if (recomputation_.blocks)
      graph_->recompute_blocks([&library = pipelines_.library()](const std::string& shader, std::size_t push) {
        return library.find(shader).reflection.push.at(push).access;
      });
    append_step(choices);
  } while (tuner && tuner->tune());
}

// Blocks, where the plan without them leaves no room for an evaluation of a sequence.
void Trainer::decide_recomputation(Tuner* tuner) {
  const std::uint64_t free = pipelines_.device().free_memory(),
                      taken = weights_.allocated() ? 0 : Weights::bytes_needed(weights_.config(), activations_, WeightsUse::training);
  const auto fits = [&](std::uint64_t bytes) { return taken + bytes + bytes / rows_ <= free; };
  if (fits(most_live(*graph_) / 2 * 3)) return;  // however the plan turns out
  const std::uint64_t without = plan_memory(*graph_, {}).bytes;
  if (fits(without)) return;
  recomputation_ = {true, 0, without};
  build(tuner);
  recomputation_.bytes = plan_memory(*graph_, {}).bytes;
}

void Trainer::append_step(const Choices* choices) {
  Graph& graph = *graph_;
  const Tensor state = graph.external("optimizer state", {4}, DType::i32, state_.address());
  const Tensor count = graph.constant("counted positions", {1}, {static_cast<float>(counted_)});
  const Tensor scale = loss_weight(graph, state, count);
  ParameterTensors parameters(graph, weights_, true);
  Tensor mean;
  for (std::uint32_t i = 0; i < (ranks_ ? 1 : static_cast<std::uint32_t>(settings_.accumulate)); ++i) {
    const Tensor part = mean_loss(graph, piece(parameters, scale, i), count);
    mean = mean ? add(graph, mean, part) : part;
  }
  if (!ranks_) return optimizer_step(graph, mean);
  copy_words(graph, mean, graph.external("loss of the piece", {1}, DType::f32, host_out_.address()));
  const std::uint64_t positions = std::uint64_t{rows_} * tokens_ * static_cast<std::uint32_t>(settings_.accumulate);
  update_graph_.emplace(graph.caps(), choices);
  optimizer_step(*update_graph_, update_graph_->external("loss", {1}, DType::f32, host_in_.address() + 8 * positions + 8));
}

void Trainer::optimizer_step(Graph& graph, const Tensor& mean) {
  const Graph::Scope scope(graph, "optimizer");
  const bool adam = settings_.optimizer != "sgd";
  std::vector<OptimizerArenas> arenas;
  std::vector<Tensor> gradients;
  for (const Weights::Block& block : weights_.blocks()) {
    arenas.push_back(arenas_of(graph, block, adam, activations_));
    gradients.push_back(arenas.back().gradients);
  }
  const Tensor state = graph.external("optimizer state", {4}, DType::i32, state_.address());
  const std::uint64_t positions = std::uint64_t{rows_} * tokens_ * static_cast<std::uint32_t>(settings_.accumulate);
  const Tensor lr = graph.external("learning rate", {1}, DType::f32, host_in_.address() + 8 * positions);
  OptimizerOptions options = optimizer_options(settings_, activations_);

  const Tensor before = graph.tensor({4}, DType::i32, "state before the step");
  copy_words(graph, state, before);
  const StepControl control = step_control(graph, gradients, state, options);
  if (loss_spikes_.watched())
    loss_guard(graph, control, state, mean, graph.external("limit of the loss", {1}, DType::f32, host_in_.address() + 8 * positions + 4));
  for (std::size_t i = 0; i < arenas.size(); ++i) {
    const auto all_decayed = options.decayed = decayed(settings_, weights_, i);
    if (settings_.optimizer == "muon") {
      const MuonOptions muon_options{settings_.muon_momentum, settings_.weight_decay, settings_.muon_steps};
      for (const Run& run : muon_step(graph, weights_, i, arenas[i], control, lr, muon_options)) {
        options.decayed = run.within(all_decayed);
        adamw(graph, run.of(arenas[i]), control, lr, options);
      }
    } else if (adam) {
      adamw(graph, arenas[i], control, lr, options);
    } else {
      sgd(graph, arenas[i], control, lr, options);
    }
  }
  const auto tell = [&](const Tensor& x, std::uint64_t word, DType type) {
    copy_words(graph, x, graph.external("step report", {1}, type, host_out_.address() + 4 * word));
  };
  tell(mean, 0, DType::f32);
  tell(control.norm, 1, DType::f32);
  tell(control.skipped, 2, DType::i32);
  tell(graph.slice(before, 0, 1), 3, DType::i32);
}

// The batch of a step: inputs and targets of every row, targets outside loss_positions negative.
void Trainer::prepare(std::int64_t step) {
  if (prepared_ == step) return;
  const Batch batch = data_.batch(static_cast<std::uint64_t>(step), settings_.batch, std::int64_t{settings_.seq_len} + 1);
  next_ids_.resize(static_cast<std::size_t>(settings_.batch) * tokens_);
  next_targets_.assign(next_ids_.size(), -1);
  const auto [a, b] = settings_.loss_positions.value_or(std::pair<int, int>{0, settings_.seq_len});
  for (std::int64_t row = 0; row < settings_.batch; ++row) {
    const std::int32_t* ids = batch.row(row);
    std::copy_n(ids, tokens_, &next_ids_[static_cast<std::size_t>(row) * tokens_]);
    std::copy_n(ids + 1 + a, b - a, &next_targets_[static_cast<std::size_t>(row) * tokens_ + static_cast<std::size_t>(a)]);
  }
  prepared_ = step;
}

// Pieces of the prepared batch, to where the graph reads its first ones.
void Trainer::give_inputs(int first_piece, int pieces) {
  const std::size_t bytes = next_ids_.size() * 4, each = std::size_t{rows_} * tokens_, first = each * static_cast<std::size_t>(first_piece),
                    given = 4 * each * static_cast<std::size_t>(pieces);
  std::memcpy(host_in_.mapped(), &next_ids_[first], given);
  std::memcpy(host_in_.mapped() + bytes, &next_targets_[first], given);
}

// This rank's pieces, and all that the ranks do between them and the update.
void Trainer::run_pieces() {
  const int pieces = settings_.accumulate;
  SumNotes notes;
  for (int piece = ranks_->rank(); piece < pieces; piece += ranks_->size()) {
    give_inputs(piece, 1);
    executor_->submit();
    if (piece + ranks_->size() >= pieces && step_ + 1 < settings_.steps) prepare(step_ + 1);
    executor_->wait();
    notes = {0, stop_requested() ? 1u : 0u};
    std::memcpy(&notes.loss, host_out_.mapped(), 4);
    sum_->pass(piece, pieces, notes);
  }
  sum_->share(pieces, notes);
  stop_ = notes.stop != 0;
  std::memcpy(host_in_.mapped() + next_ids_.size() * 8 + 8, &notes.loss, 4);
  update_->run();
}

StepReport Trainer::train_step() {
  prepare(step_);
  const float lr = static_cast<float>(settings_.lr_at(step_));
  const float limit = loss_spikes_.limit();
  std::memcpy(host_in_.mapped() + next_ids_.size() * 8, &lr, 4);
  std::memcpy(host_in_.mapped() + next_ids_.size() * 8 + 4, &limit, 4);
  if (ranks_) {
    run_pieces();
  } else {
    give_inputs(0, settings_.accumulate);
    executor_->submit();
    if (step_ + 1 < settings_.steps) prepare(step_ + 1);
    executor_->wait();
  }

  float loss = 0, norm = 0, scale = 1;
  std::int32_t skipped = 0;
  std::memcpy(&loss, host_out_.mapped(), 4);
  std::memcpy(&norm, host_out_.mapped() + 4, 4);
  std::memcpy(&skipped, host_out_.mapped() + 8, 4);
  std::memcpy(&scale, host_out_.mapped() + 12, 4);
  last_loss_scale_ = scale;
  const bool spike = skipped == skipped_by_guard,
             overflow = skipped != 0 && !spike && activations_ == DType::f16 && scale > smallest_loss_scale;
  if (!std::isfinite(loss)) report_bad("the loss is not finite");
  if (skipped != 0 && !overflow && !spike) report_bad("a gradient is not finite");
  try {
    loss_spikes_.step_done(step_, loss, spike);
  } catch (const RunError& error) {
    throw StepFailed(error.what());
  }
  ++step_;
  if (recent_losses_.size() == losses_kept) recent_losses_.erase(recent_losses_.begin());
  recent_losses_.push_back(loss);
  return {static_cast<double>(loss), static_cast<double>(norm), overflow, spike, static_cast<double>(scale)};
}

// The update was skipped, so the same step run again finds where it started.
void Trainer::report_bad(const std::string& what) {
  prepare(step_);
  give_inputs(ranks_ ? ranks_->rank() : 0, ranks_ ? 1 : settings_.accumulate);
  const auto first = executor_->first_non_finite();
  throw StepFailed(fmt::format("step {}: {}; the first bad tensor is {}", step_, what,
                               first.value_or(ranks_ ? "not in this rank's first piece" : "not found again")));
}

void Trainer::plan(const std::function<void(const Graph&, double times)>& look) const {
  look(*graph_, ranks_ ? settings_.accumulate / ranks_->size() : 1);
  if (update_graph_) look(*update_graph_, 1);
}

bool Trainer::asked_to_stop() const { return ranks_ ? stop_ : stop_requested(); }

void Trainer::share() {
  if (!ranks_) return;
  std::vector<std::byte> bytes;
  const auto give = [&](const Buffer& buffer) {
    for (std::uint64_t done = 0; done < buffer.size(); done += bytes.size()) {
      bytes.resize(std::min<std::uint64_t>(buffer.size() - done, 64u << 20));
      if (ranks_->rank() == 0) weights_.transfer().download(buffer, done, bytes);
      ranks_->broadcast(0, bytes);
      if (ranks_->rank() > 0) weights_.transfer().upload(buffer, done, bytes);
    }
  };
  for (const Weights::Block& block : weights_.blocks())
    for (const Buffer* buffer : {&block.master, &block.m, &block.v, &block.mirror}) give(*buffer);
  give(state_);
  ranks_->broadcast_value(0, step_);
  share_loss_spikes();
}

// What decides the next spike: the losses of the steps before.
void Trainer::share_loss_spikes() {
  std::vector<float> losses = loss_spikes_.losses();
  std::uint64_t count = losses.size();
  ranks_->broadcast_value(0, count);
  losses.resize(count);
  ranks_->broadcast(0, std::as_writable_bytes(std::span(losses)));
  std::string counts = loss_spikes_.counts();
  ranks_->broadcast_text(0, counts);
  loss_spikes_.restore(std::move(losses), counts, "rank 0");
}

std::vector<TensorToWrite> Trainer::gradients() {
  std::vector<TensorToWrite> tensors;
  for (const Weights::Entry& entry : weights_.entries()) {
    tensors.push_back({entry.spec.name, "F32", entry.spec.shape, [this, name = entry.spec.name](const ByteSink& sink) {
                         std::vector<float> values = weights_.read_gradient(name);
                         for (float& value : values) value /= last_loss_scale_;
                         sink(std::as_bytes(std::span(values)));
                       }});
  }
  return tensors;
}

StepState Trainer::state() const {
  StepState state;
  weights_.transfer().download(state_, 0, std::as_writable_bytes(std::span(&state, 1)));
  return state;
}

// Values that are few, as they are now.
template <class T>
static TensorToWrite kept(const char* name, std::vector<T> values) {
  constexpr const char* type = std::is_same_v<T, float> ? "F32" : "I32";
  const auto count = static_cast<std::int64_t>(values.size());
  return {name, type, {count}, [values = std::move(values)](const ByteSink& sink) { sink(std::as_bytes(std::span(values))); }};
}

// A moment of all parameters, block after block.
TensorToWrite Trainer::moment(const char* name, Buffer Weights::Block::*buffer) const {
  std::int64_t count = 0;
  for (const Weights::Block& block : weights_.blocks()) count += static_cast<std::int64_t>(block.count);
  return {name, "F32", {count}, [this, buffer](const ByteSink& sink) {
            std::vector<std::byte> bytes;
            for (const Weights::Block& block : weights_.blocks())
              for (std::uint64_t done = 0; done < block.count * 4; done += bytes.size()) {
                bytes.resize(std::min<std::uint64_t>(block.count * 4 - done, 16u << 20));
                weights_.transfer().download(block.*buffer, done, bytes);
                sink(bytes);
              }
          }};
}

void Trainer::load_moment(const TensorView& saved, Buffer Weights::Block::*buffer) {
  std::uint64_t count = 0, done = 0;
  for (const Weights::Block& block : weights_.blocks()) count += block.count;
  require(saved.dtype == "F32" && saved.elements() == static_cast<std::int64_t>(count), "{}: expected {} elements, it is of another model",
          saved.where, count);
  for (const Weights::Block& block : weights_.blocks()) {
    weights_.transfer().upload(block.*buffer, 0, saved.bytes.subspan(done, block.count * 4));
    done += block.count * 4;
  }
}

std::vector<TensorToWrite> Trainer::state_to_write() const {
  const StepState now = state();
  std::vector<std::int32_t> words(4);
  std::memcpy(words.data(), &now, sizeof(now));
  std::vector<TensorToWrite> tensors = {moment("m", &Weights::Block::m), moment("v", &Weights::Block::v), kept("state", words)};
  if (!recent_losses_.empty()) tensors.push_back(kept("losses", recent_losses_));
  if (!loss_spikes_.losses().empty()) tensors.push_back(kept("losses before a spike", loss_spikes_.losses()));
  return tensors;
}

Metadata Trainer::state_notes(Metadata notes) const {
  notes["step"] = std::to_string(step_);
  if (loss_spikes_.watched()) notes["loss spikes"] = loss_spikes_.counts();
  return notes;
}

void Trainer::save(const std::filesystem::path& file, Metadata notes) const {
  write_safetensors(file, state_to_write(), state_notes(std::move(notes)));
}

static std::vector<float> read_losses(const SafetensorsFile& saved, const char* name) {
  const TensorView& losses = saved.at(name);
  require(losses.dtype == "F32", "{}: expected F32, found {}", losses.where, losses.dtype);
  std::vector<float> values(losses.bytes.size() / 4);
  std::memcpy(values.data(), losses.bytes.data(), values.size() * 4);
  return values;
}

void Trainer::load(const std::filesystem::path& file) {
  const SafetensorsFile saved(file);
  load_moment(saved.at("m"), &Weights::Block::m);
  load_moment(saved.at("v"), &Weights::Block::v);
  const TensorView& words = saved.at("state");
  require(words.bytes.size() == sizeof(StepState) && saved.metadata().contains("step"), "{}: not an optimizer state", words.where);
  weights_.transfer().upload(state_, 0, words.bytes);
  if (saved.contains("losses")) recent_losses_ = read_losses(saved, "losses");
  if (const auto counts = saved.metadata().find("loss spikes"); counts != saved.metadata().end() && saved.contains("losses before a spike"))
    loss_spikes_.restore(read_losses(saved, "losses before a spike"), counts->second, file.string());
  step_ = std::stoll(saved.metadata().find("step")->second);
}

}  // namespace ablate
