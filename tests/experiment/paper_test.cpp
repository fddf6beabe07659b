// The files of experiments/paper against the 41 configurations that the paper's authors published (configs/train_*.yaml of their code).
#include "base/error.h"
#include "experiment/plan.h"
#include "support/places.h"

#include <doctest/doctest.h>

#include <set>

using namespace ablate;

namespace {

using Keys = std::map<std::string, std::string>;

const std::filesystem::path experiments = test::source_folder() / "experiments";
const std::vector<std::string> files{"optimization",    "feed_forward",    "normalization",
                                     "attention_heads", "gated_attention", "context_length"};

/// What the published files have in common, by our names.
const Keys baseline{{"model.vocab_size", "32000"},
                    {"model.d_model", "4096"},
                    {"model.n_layers", "32"},
                    {"model.n_heads", "32"},
                    {"model.n_kv_heads", "32"},
                    {"model.head_dim", "128"},
                    {"model.d_ffn", "11008"},
                    {"model.max_seq_len", "4096"},
                    {"model.norm_eps", "1e-05"},
                    {"model.rope_theta", "10000"},
                    {"model.position", "rope"},
                    {"model.tie_embeddings", "false"},
                    {"model.norm", "rmsnorm"},
                    {"model.final_norm", "same"},
                    {"model.attn_input_norm", "true"},
                    {"model.ffn_input_norm", "true"},
                    {"model.output_norm", "false"},
                    {"model.post_norm", "false"},
                    {"model.qk_norm", "none"},
                    {"model.attn_alpha", "0.8"},
                    {"model.ffn_alpha", "0.2"},
                    {"model.dyt_bias", "false"},
                    {"model.gate", "none"},
                    {"model.gate_input", "hidden"},
                    {"model.ffn", "swiglu"},
                    {"model.attention", "softmax"},
                    {"model.attention_bias", "none"},
                    {"train.optimizer", "adamw"},
                    {"train.steps", "50000"},
                    {"train.seq_len", "4096"},
                    {"train.loss_positions", "all"},
                    {"train.warmup", "2000"},
                    {"train.schedule", "cosine"},
                    {"train.min_lr_ratio", "0.1"},
                    {"train.lr", "0.0003"},
                    {"train.betas", "[0.9, 0.95]"},
                    {"train.eps", "1e-08"},
                    {"train.weight_decay", "0.1"},
                    {"train.decay", "all"},
                    {"train.clip", "1"}};

/// What each published file changes.
std::vector<Keys> published_changes() {
  std::vector<Keys> rows{{}};
  for (const char* lr : {"7.5e-05", "0.00015", "0.0006", "0.0012"}) rows.push_back({{"train.lr", lr}});
  rows.push_back({{"train.weight_decay", "0"}});
  for (const char* betas : {"[0.9, 0.9]", "[0.9, 0.999]"}) rows.push_back({{"train.betas", betas}});
  rows.push_back({{"train.steps", "100000"}});
  rows.push_back({{"train.min_lr_ratio", "1"}});
  const auto heads = [&](const char* number, const char* size) {
    rows.push_back({{"model.n_heads", number}, {"model.n_kv_heads", number}, {"model.head_dim", size}});
  };
  for (const char* number : {"16", "8"}) heads(number, "128");
  for (const char* size : {"64", "32", "16", "8"}) heads("32", size);
  heads("16", "256"), heads("64", "64"), heads("128", "32"), heads("256", "16"), heads("512", "8");
  rows.push_back({{"model.ffn", "gelu"}, {"model.d_ffn", "16512"}});
  rows.push_back({{"model.ffn", "linear"}, {"model.d_ffn", "-"}});
  rows.push_back({{"model.ffn", "attention"}, {"model.d_ffn", "-"}});
  rows.push_back({{"model.norm", "dyt"}, {"model.final_norm", "rmsnorm"}});
  rows.push_back({{"model.output_norm", "true"}});
  rows.push_back(
      {{"model.output_norm", "true"}, {"model.attn_input_norm", "false"}, {"model.ffn_input_norm", "false"}, {"model.qk_norm", "full"}});
  for (const char* gate : {"channel", "head", "token"}) rows.push_back({{"model.gate", gate}});
  rows.push_back({{"model.gate", "head"}, {"model.gate_input", "constant"}});
  for (const char* input : {"position", "embedding"}) rows.push_back({{"model.gate", "channel"}, {"model.gate_input", input}});
  rows.push_back({{"model.gate", "channel"},
                  {"model.gate_input", "constant"},
                  {"model.d_model", "3072"},
                  {"model.n_heads", "24"},
                  {"model.n_kv_heads", "24"},
                  {"model.d_ffn", "8256"}});
  const auto context = [&](const char* length, const char* positions) {
    rows.push_back({{"train.seq_len", length}, {"model.max_seq_len", length}, {"train.loss_positions", positions}});
  };
  for (const char* length : {"16384", "1024", "256"}) context(length, "all");
  context("4096", "[1024, 4096]"), context("5120", "[1024, 5120]"), context("4096", "[2048, 4096]"), context("6144", "[2048, 6144]");
  return rows;
}

std::string text_of(const Keys& keys) {
  std::string text;
  for (const auto& [key, value] : keys) text += fmt::format("{} = {}\n", key, value);
  return text;
}

/// The resolved point, by the keys of the baseline. Where there is no SwiGLU or GeLU, d_ffn means nothing.
std::string configuration(const Value& resolved) {
  Keys keys;
  for (const auto& [key, value] : baseline) {
    const Value* found = find(resolved, key);
    if (found) keys[key] = to_text(*found);
    else if (key == "train.loss_positions") keys[key] = value;
  }
  if (keys["model.ffn"] == "linear" || keys["model.ffn"] == "attention") keys["model.d_ffn"] = std::string(1, '-');
  return text_of(keys);
}

// With one seed: the smallest scale has two.
Plan paper_plan(const std::string& file, const std::string& scale) {
  return read_plan(experiments / "paper" / fmt::format("{}.toml", file), {fmt::format("scale={}", scale), "seed=2025"});
}

}  // namespace

TEST_CASE("paper: at 7b the files' points are the 41 published configurations, no more and no less") {
  std::set<std::string> published, ours;
  for (const Keys& changes : published_changes()) {
    Keys keys = changes;
    keys.insert(baseline.begin(), baseline.end());
    published.insert(text_of(keys));
  }
  REQUIRE(published.size() == 41);
  for (const std::string& file : files) {
    const Plan plan = paper_plan(file, "7b");
    for (const Point& point : plan.points) {
      const std::string found = configuration(resolve(point));
      ours.insert(found);
      CAPTURE(point.id);
      CAPTURE(found);
      CHECK(published.count(found) == 1);
    }
  }
  CHECK(ours == published);
}

TEST_CASE("paper: every row keeps its meaning at every scale") {
  for (const char* scale : {"7m", "60m", "124m", "1b", "7b"}) {
    for (const std::string& file : files) {
      CAPTURE(scale);
      CAPTURE(file);
      const Plan plan = paper_plan(file, scale), full = paper_plan(file, "7b");
      REQUIRE(plan.points.size() == full.points.size());
      const Value first = resolve(plan.points[0]), full_first = resolve(full.points[0]);
      for (std::size_t i = 0; i < plan.points.size(); ++i) {
        const Value here = resolve(plan.points[i]), there = resolve(full.points[i]);
        const auto ratio = [](const Value& a, const Value& b, const char* key) {
          return std::stod(to_text(*find(a, key))) / std::stod(to_text(*find(b, key)));
        };
        CAPTURE(plan.points[i].id);
        const bool narrow = plan.points[i].name == "unconditional per channel";  // only the paper's own is narrower
        for (const char* key :
             {"model.head_dim", "model.n_heads", "model.n_layers", "train.seq_len", "train.lr", "train.steps", "train.batch"}) {
          CAPTURE(key);
          if (!narrow) CHECK(ratio(here, first, key) == doctest::Approx(ratio(there, full_first, key)));
        }
        CHECK(plan.points[i].label == full.points[i].label);
        CHECK(plan.points[i].reference == full.points[i].reference);
      }
    }
  }
}

TEST_CASE("paper: the 7m scale runs every row with three seeds") {
  for (const std::string& file : files) {
    CAPTURE(file);
    const Plan all = read_plan(experiments / "paper" / fmt::format("{}.toml", file)), one = paper_plan(file, "7m");
    CHECK(all.points.size() == 3 * one.points.size());
  }
}

TEST_CASE("paper: the 7m scale is the small English setting") {
  const Plan plan = paper_plan("normalization", "7m");
  const Value point = resolve(plan.points.at(0));
  const Keys expected{{"model.vocab_size", "4097"},   {"model.d_model", "256"},      {"model.n_layers", "6"},
                      {"model.n_heads", "4"},         {"model.head_dim", "64"},      {"model.d_ffn", "688"},
                      {"train.seq_len", "256"},       {"train.batch", "128"},        {"train.steps", "2500"},
                      {"train.lr", "0.004"},          {"train.warmup", "200"},       {"train.min_lr_ratio", "0.1"},
                      {"train.weight_decay", "0.1"},  {"train.decay", "all"},        {"train.clip", "1"},
                      {"data.bos", "true"},           {"train.eval_windows", "256"}, {"probe.sink_length", "64"},
                      {"probe.sink_sequences", "100"}};
  for (const auto& [name, value] : expected) {
    const std::string& key = name;
    CAPTURE(key);
    REQUIRE(find(point, key));
    CHECK(to_text(*find(point, key)) == value);
  }
}

TEST_CASE("experiments: every file of the folder is a plan whose points resolve") {
  int plans = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(experiments)) {
    if (entry.path().extension() != ".toml" || entry.path().filename() == "base.toml") continue;
    CAPTURE(entry.path().string());
    const Plan plan = read_plan(entry.path());
    for (const Point& point : plan.points) {
      CAPTURE(point.id);
      CHECK_NOTHROW(resolve(point));
    }
    ++plans;
  }
  CHECK(plans >= 18);
}
