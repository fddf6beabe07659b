#include "train/train_settings.h"

#include "base/error.h"
#include "experiment/toml.h"

#include <doctest/doctest.h>

using namespace ablate;

static TrainSettings read(std::string_view text) {
  Settings settings(parse_toml(text, "f.toml"), "train");
  const TrainSettings train = TrainSettings::from(settings);
  settings.reject_unused();
  return train;
}

TEST_CASE("[train]: defaults and every key") {
  const TrainSettings plain = read("");
  CHECK(plain.betas == std::pair{0.9, 0.95});
  CHECK(plain.eps == 1e-8);
  CHECK(plain.clip == 1.0);
  CHECK_FALSE(plain.loss_positions);
  CHECK(plain.recompute == "auto");

  const TrainSettings train = read(R"(
steps = 7
batch = 8
seq_len = 64
accumulate = 2
recompute = "blocks"
lr = 2e-3
warmup = 3
schedule = "constant"
min_lr_ratio = 0.2
betas = [0.8, 0.99]
eps = 1e-6
weight_decay = 0
decay = "matrices"
clip = 0
loss_positions = [32, 64]
init = "w.safetensors"
precision = "mixed-f16"
dump_gradients = true
log_every = 1
checkpoint_every = 5
eval_windows = 16
)");
  CHECK(train.loss_positions == std::pair{32, 64});
  CHECK(train.recompute == "blocks");
  CHECK(train.decay == "matrices");
  CHECK(train.weight_decay == 0.0);
  CHECK(train.dump_gradients);
  CHECK(read("optimizer = \"sgd\"\nmomentum = 0.5").momentum == 0.5);
}

TEST_CASE("[train]: what cannot be is refused") {
  const auto fails = [](const char* text, const char* message) {
    CHECK_THROWS_WITH_AS(read(text), doctest::Contains(message), InputError);
  };
  fails("steps = -1", "f.toml:1: train.steps: expected at least 0, found -1");
  fails("batch = 8\naccumulate = 3", "f.toml:2: train.accumulate: batch (8) is not a multiple of it (3)");
  fails("betas = [0.9]", "train.betas: expected two numbers");
  fails("betas = [0.9, 1]", "train.betas: expected numbers from 0 to below 1");
  fails("seq_len = 64\nloss_positions = [32, 65]", "f.toml:2: train.loss_positions");
  fails("schedule = \"linear\"", "expected one of constant, cosine; found \"linear\"");
}

TEST_CASE("learning rate: warmup 1 - (1 - s/w)^2, then a cosine to min_lr_ratio") {
  TrainSettings train;
  train.lr = 2.0;
  train.warmup = 10;
  train.steps = 110;
  train.min_lr_ratio = 0.1;
  CHECK(train.lr_at(0) == 0.0);
  CHECK(train.lr_at(5) == doctest::Approx(1.5));
  CHECK(train.lr_at(10) == 2.0);
  CHECK(train.lr_at(60) == doctest::Approx(2.0 * 0.55));
  CHECK(train.lr_at(110) == doctest::Approx(0.2));
  train.schedule = "constant";
  CHECK(train.lr_at(60) == 2.0);
  train.warmup = 0;
  CHECK(train.lr_at(0) == 2.0);
}

TEST_CASE("[train]: a schedule that is all warm-up ends at the full rate") {
  const TrainSettings train = read("steps = 4\nwarmup = 4\nlr = 2.0\nschedule = \"cosine\"");
  CHECK(train.lr_at(2) == doctest::Approx(1.5));
  CHECK(train.lr_at(4) == 2.0);
}
