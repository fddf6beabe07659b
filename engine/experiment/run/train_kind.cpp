// kind = "train": a model from scratch (or from given weights), measured along the way and at the end by the probes of kind = "probe".
#include "base/signals.h"
#include "base/size.h"
#include "experiment/results.h"
#include "experiment/run/bigram_probe.h"
#include "experiment/run/checkpoint_writer.h"
#include "experiment/run/data.h"
#include "experiment/run/evaluations.h"
#include "experiment/run/kind.h"
#include "experiment/run/model_source.h"
#include "experiment/run/point_probes.h"
#include "experiment/run/profile.h"
#include "experiment/run/ranks.h"
#include "experiment/run/window.h"
#include "ops/user/user_shader.h"
#include "probe/evaluation.h"
#include "probe/mean.h"

#include <algorithm>
#include <chrono>
#include <optional>

namespace ablate {
namespace {

using Clock = std::chrono::steady_clock;

struct Training {
  ModelSource model;
  TrainSettings train;
  ProbeSettings probe;
  std::vector<NamedEvaluation> evaluations;
  std::unique_ptr<DataSource> data;
};

// Every name of the configuration that a user's shader may stand behind.
std::vector<std::string> kinds_of(const TransformerConfig& c) {
  std::vector<std::string> kinds = c.ffn.values();
  kinds.insert(kinds.end(), {c.norm, c.final_norm_kind(), c.gate, c.attention});
  return kinds;
}

Training read_training(PointRun& run) {
  Settings model = run.settings.table("model"), train = run.settings.table("train"), probe = run.settings.table("probe");
  Training t;
  t.train = TrainSettings::from(train);
  t.model = ModelSource::from(model, t.train.init_rule, run.seed());
  for (const std::string& note : t.model.notes) run.note(note);
  t.probe = ProbeSettings::from(probe);
  for (const std::string& name : kinds_of(t.model.config))
    if (const UserShaderHandle user = find_user_shader(name)) user->require_backward();
  check_window(run.point.table, t.model.config, t.train.seq_len, "train.seq_len", true);
  const auto& window = t.model.config.loss_positions;
  if (!t.train.loss_positions && window) {
    t.train.loss_positions = {(*window)[0], (*window)[1]};
    require((*window)[1] <= t.train.seq_len, "{}: expected 0 <= first < end <= {} (train.seq_len), found [{}, {}]",
            model.where("loss_positions"), t.train.seq_len, (*window)[0], (*window)[1]);
  }
  if (!t.train.init.empty()) {
    const auto file = std::make_shared<const SafetensorsFile>(t.train.init);
    t.model.fill = [file](Weights& weights) { weights.load(*file); };
    for (const ParameterSpec& spec : parameters(t.model.config))
      require(file->at(spec.name).shape == spec.shape, "{}: its shape is not the model's", file->at(spec.name).where);
  }
  t.data = open_point_data(run, t.model.config, t.model.folder);
  if (t.data->bos() >= 0) t.model.config.bos_token_id = t.data->bos();  // the checkpoint says what every window started with
  for (const std::string& pattern : t.probe.dump) matching_hooks(t.model.config, pattern, probe.where("dump"));
  make_probes(run, t.probe);
  t.evaluations = NamedEvaluation::all(run.settings);
  run.settings.reject_unused();
  return t;
}

// Validation windows as the evaluator wants them.
EvaluationData validation_data(const Training& t) {
  const std::int64_t own = t.data->own_columns(), columns = std::int64_t{t.train.seq_len} + 1;
  const Batch batch = t.data->validation(t.train.eval_windows, own > 0 && own != columns ? 0 : columns);
  return {static_cast<std::uint32_t>(batch.rows), static_cast<std::uint32_t>(batch.columns), batch.ids, true, t.train.loss_positions};
}

/// What a point listens with.
struct Listeners {
  std::vector<std::unique_ptr<Probe>> probes;
  std::vector<Probe*> list;

  Listeners(PointRun& run, const Training& t) : probes(make_probes(run, t.probe)) {
    if (t.data->task()) probes.push_back(std::make_unique<BigramProbe>(*t.data->task()));
    for (const auto& probe : probes) list.push_back(probe.get());
  }
};

// The batches of the first and the last step: data that end early are found before the first.
void draw_batches(const Training& t) {
  if (t.train.steps == 0) return;
  for (const int step : {0, t.train.steps - 1})
    t.data->batch(static_cast<std::uint64_t>(step), t.train.batch, std::int64_t{t.train.seq_len} + 1);
}

// What "auto" decided, where it matters.
void note_recomputation(PointRun& run, const Trainer& trainer) {
  const Trainer::Recomputation& r = trainer.recomputation();
  if (r.blocks && r.without > 0)
    run.note(fmt::format("train.recompute: blocks, for a step's activations take {} without it and {} with it", size_text(r.without),
                         size_text(r.bytes)));
}

PointPlan prepare(PointRun& run) {
  const Training t = read_training(run);
  const Device& device = run.pipelines.device();
  const DType type = usable_type(run, t.train.precision);
  Weights weights(device, t.model.config, type, WeightsUse::training, false);
  const Trainer trainer(run.pipelines, weights, *t.data, t.train, type, run.plan_times_kernels ? &run.tuner : nullptr, {}, run.ranks);
  note_recomputation(run, trainer);
  PointPlan plan;
  plan.parameters = static_cast<double>(parameter_count(t.model.config));
  plan.tokens = static_cast<double>(t.train.steps) * t.train.batch * t.train.seq_len;
  plan.advice = fmt::format("{}raise train.accumulate (now {}), or lower train.batch or train.seq_len, or the model's size",
                            trainer.recomputation().blocks ? "" : "set train.recompute to \"blocks\", or ", t.train.accumulate);
  plan.memory.parameters = Weights::bytes_needed(t.model.config, type, WeightsUse::training);
  trainer.plan([&](const Graph& graph, double times) { plan.memory.step += plan_graph(plan, device, graph, times * t.train.steps); });
  if (!why_not(plan, device).empty()) return plan;  // nor would its batches fit
  draw_batches(t);
  const EvaluationData validation = validation_data(t);
  check_evaluations(t.evaluations, t.model.config, validation.tokens());
  Evaluator evaluator(run.pipelines, weights, type, validation);
  const int along_the_way = t.probe.every > 0 ? t.train.steps / t.probe.every + 1 : 0;
  plan_evaluation(plan, device, evaluator, {}, Listeners(run, t).list, along_the_way + 1);
  plan_evaluations(plan, run, t.evaluations, evaluator, t.model.config, validation.tokens(), t.probe);
  return plan;
}

// A few steps, watched and not, of a model without numbers.
void calibrate(PointRun& run, Pace& pace) {
  Training t = read_training(run);
  const DType type = usable_type(run, t.train.precision);
  Weights weights(run.pipelines.device(), t.model.config, type, WeightsUse::training);
  Trainer watched(run.pipelines, weights, *t.data, t.train, type, nullptr, {.profile = true});
  for (int step = 0; step < 2; ++step) watched.train_step();
  Trainer trainer(run.pipelines, weights, *t.data, t.train, type);
  trainer.train_step();
  const Clock::time_point start = Clock::now();
  trainer.train_step();
  pace.watch(watched.graph(), watched.times(), std::chrono::duration<double>(Clock::now() - start).count());
}

class TrainingRun {
 public:
  TrainingRun(PointRun& run, Training training)
      : run_(run),
        t_(std::move(training)),
        type_(usable_type(run, t_.train.precision)),
        weights_(run.pipelines.device(), t_.model.config, type_, WeightsUse::training),
        trainer_(run.pipelines, weights_, *t_.data, t_.train, type_, &tuner_of(run), {.profile = run.profile}, run.ranks),
        checkpoint_(run.folder, t_.train.checkpoint_keep),
        writer_(checkpoint_) {
    note_recomputation(run, trainer_);
    if (run.ranks && run.ranks->rank() == 0) share_choices(*run.ranks, run.tuner);
  }

  // As another rank than 0, which alone reads and writes the point's folder, measures and reports.
  void follow() {
    trainer_.share();
    while (trainer_.step() < t_.train.steps) {
      trainer_.train_step();
      if (trainer_.asked_to_stop()) throw Interrupted("stopped with the other ranks");
    }
  }

  Metrics run() {
    const bool resumed = run_.resume && take_up();
    if (!resumed) t_.model.fill(weights_);
    trainer_.share();
    MetricsLog log(run_.folder / "metrics.jsonl", trainer_.step() - 1);
    run_.progress.start_point(run_.point.label, t_.train.steps, trainer_.step());
    const Clock::time_point start = Clock::now();
    const std::int64_t first = trainer_.step();
    while (trainer_.step() < t_.train.steps) one_step(log);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count() - measuring_;
    save();
    run_.together = false;
    if (run_.profile && trainer_.step() > first) write_profile(run_.folder / "profile.csv", trainer_.times());
    return measure(first, seconds);
  }

 private:
  // A rank but the first takes the kernels that the first has found.
  static Tuner& tuner_of(PointRun& run) {
    if (run.ranks && run.ranks->rank() > 0) share_choices(*run.ranks, run.tuner);
    return run.tuner;
  }

  std::int64_t tokens_per_step() const { return std::int64_t{t_.train.batch} * t_.train.seq_len; }

  const std::string& device() const { return run_.pipelines.device().caps().device_name; }
  CheckpointContent content() const { return CheckpointContent::of(weights_, trainer_, run_.fingerprint, device()); }
  // While nothing else happens; else save_beside().
  void save() {
    writer_.finish();
    checkpoint_.save(content());
  }
  // One that is due while another is still being written waits for it, and not the training.
  void save_beside(bool due) {
    const double minutes = std::chrono::duration<double, std::ratio<60>>(Clock::now() - saved_at_).count();
    due_ = due_ || due || (t_.train.checkpoint_minutes > 0 && minutes >= t_.train.checkpoint_minutes);
    if (writer_.busy() || !due_) return;
    writer_.start(content());
    due_ = false, saved_at_ = Clock::now();
  }

  // Whether there was a checkpoint to go on from. (What one was refused for is known before the run starts; a worker's may be new.)
  bool take_up() {
    const std::optional<SavedTraining> saved = checkpoint_.saved();
    if (!saved) return false;
    require_continuable(saved->settings, run_.fingerprint, saved->step, saved->file.parent_path().string());
    if (saved->device != device())
      run_.note(fmt::format("{}: its first {} steps were done on {}", run_.point.label, saved->step, saved->device));
    return checkpoint_.load(weights_, trainer_);
  }

  void one_step(MetricsLog& log) {
    const std::int64_t step = trainer_.step();
    const StepReport report = trainer_.train_step();
    if (step == 0 && t_.train.dump_gradients) write_safetensors(run_.folder / "gradients.safetensors", trainer_.gradients());
    const bool last = step + 1 == t_.train.steps, every = t_.probe.every > 0 && ((step + 1) % t_.probe.every == 0 || step == 0);
    if (step % t_.train.log_every == 0 || last || every || report.spike) {
      Metrics entry{{"step", static_cast<double>(step)},
                    {"loss", report.loss},
                    {"grad_norm", report.grad_norm},
                    {"lr", t_.train.lr_at(step)},
                    {"tokens", static_cast<double>((step + 1) * tokens_per_step())}};
      if (const auto tokens_per_s = speed(step)) entry.set("tokens_per_s", *tokens_per_s);
      if (report.spike) entry.set("loss_spike", 1.0);
      if (every) add_probes(entry);
      log.append(entry);
    }
    if (report.spike)
      run_.progress.say(fmt::format("{}: step {} is a loss spike ({:.3f}); its update is left out", run_.point.label, step, report.loss));
    run_.progress.step(step + 1, tokens_per_step(), fmt::format("loss {:.3f}", report.loss));
    const bool due = t_.train.checkpoint_every > 0 && (step + 1) % t_.train.checkpoint_every == 0 && !last;
    const bool stop = trainer_.asked_to_stop();
    if (stop) save();
    else if (!last) save_beside(due);
    run_.look(due || every);
    if (stop) throw Interrupted(fmt::format("stopped after step {}; --resume goes on from there", step + 1));
  }

  // Since the last line of the log; nothing for the first.
  std::optional<double> speed(std::int64_t step) {
    const Clock::time_point now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - logged_at_).count();
    const double tokens = static_cast<double>((step - logged_step_) * tokens_per_step());
    const bool known = logged_step_ >= 0;
    logged_at_ = now, logged_step_ = step;
    return known && seconds > 0 ? std::optional(tokens / seconds) : std::nullopt;
  }

  Evaluation evaluate(Metrics& metrics, const EvaluationData& data, bool files) {
    const Clock::time_point start = Clock::now();
    const Listeners listeners(run_, t_);
    Evaluator evaluator(run_.pipelines, weights_, type_, data, &run_.tuner, {.allow_non_finite = t_.probe.allow_non_finite});
    const Evaluation evaluation = evaluator.run({}, listeners.list);
    for (const auto& probe : listeners.probes) probe->finish(metrics);
    if (files)
      for (const auto& probe : listeners.probes) probe->write(run_.folder);
    measuring_ += std::chrono::duration<double>(Clock::now() - start).count();
    logged_at_ = Clock::now();
    return evaluation;
  }

  void evaluate_changed(Metrics& metrics) {
    if (t_.evaluations.empty()) return;
    const EvaluationData data = validation_data(t_);
    Evaluator evaluator(run_.pipelines, weights_, type_, data, &run_.tuner, {.allow_non_finite = t_.probe.allow_non_finite});
    run_evaluations(run_, t_.evaluations, evaluator, t_.model.config, data.tokens(), t_.probe, metrics);
  }

  void add_probes(Metrics& entry) {
    Metrics all;
    const Evaluation evaluation = evaluate(all, validation_data(t_), false);
    if (evaluation.loss) entry.set("validation_loss", *evaluation.loss);
    if (!evaluation.first_non_finite.empty()) entry.set("non_finite", static_cast<double>(evaluation.non_finite));
    const std::size_t states = static_cast<std::size_t>(t_.model.config.states());
    for (const auto& [name, value] : all) {
      const bool small =
          std::holds_alternative<double>(value) || (std::holds_alternative<std::vector<double>>(value) &&
                                                    std::get<std::vector<double>>(value).size() <= std::max<std::size_t>(64, states));
      if (small) entry.set(name, value);
    }
  }

  // train_loss is the mean of the last steps: as many as a tenth of the run, at most 100. Absent of a training of no steps.
  Mean train_loss() const {
    const std::vector<float>& losses = trainer_.recent_losses();
    const std::size_t count = std::min(losses.size(), static_cast<std::size_t>(std::max(1, t_.train.steps / 10)));
    Mean mean;
    for (std::size_t i = losses.size() - count; i < losses.size(); ++i) mean.add(static_cast<double>(losses[i]));
    return mean;
  }

  Metrics measure(std::int64_t first, double seconds) {
    Metrics probed;
    const Evaluation evaluation = evaluate(probed, validation_data(t_), true);
    Metrics metrics;
    set_losses(metrics, evaluation);
    set_mean(metrics, "train_loss", train_loss());
    for (const auto& [name, value] : probed) metrics.set(name, value);
    evaluate_changed(metrics);
    metrics.set("parameters", static_cast<double>(parameter_count(t_.model.config)));
    metrics.set("steps", static_cast<double>(t_.train.steps));
    metrics.set("tokens", static_cast<double>(t_.train.steps * tokens_per_step()));
    metrics.set("memory_bytes", static_cast<double>(run_.pipelines.device().most_allocated()));
    if (const auto skipped = trainer_.state().skipped) metrics.set("skipped_steps", static_cast<double>(skipped));
    if (trainer_.loss_spikes().watched()) metrics.set("loss_spikes", static_cast<double>(trainer_.loss_spikes().count()));
    if (t_.train.steps > first && seconds > 0)
      metrics.set("tokens_per_s", static_cast<double>((t_.train.steps - first) * tokens_per_step()) / seconds);
    return metrics;
  }

  PointRun& run_;
  Training t_;
  DType type_;
  Weights weights_;
  Trainer trainer_;
  TrainingCheckpoint checkpoint_;
  CheckpointWriter writer_;
  bool due_ = false;  // a checkpoint
  Clock::time_point saved_at_ = Clock::now();
  std::int64_t logged_step_ = -1;
  double measuring_ = 0;  // seconds spent in evaluations
  Clock::time_point logged_at_ = Clock::now();
};

Metrics run_training(PointRun& run) {
  run.cache = {};  // room for what is trained
  if (run.ranks && run.ranks->rank() > 0) {
    TrainingRun(run, read_training(run)).follow();
    return {};
  }
  return TrainingRun(run, read_training(run)).run();
}

MetricNames yields(Settings& experiment) {
  MetricNames names = evaluation_metrics(experiment);
  names.add({.numbers = {"train_loss", "parameters", "steps", "tokens", "memory_bytes", "skipped_steps", "loss_spikes", "tokens_per_s"}});
  Settings data = experiment.table("data");
  if (has_task(data)) names.add(BigramProbe::names());
  names.add(NamedEvaluation::names(experiment));
  return names;
}

const ExperimentKinds::Registration train("train", {{"train", "evaluation"}, prepare, run_training, calibrate, yields});

}  // namespace
}  // namespace ablate
