#!/usr/bin/env bash
# kill_and_resume.sh ABLATE [KILLS [SEED]]: a training run, one that keeps checkpoints and leaves out loss spikes, and a sweep, each killed (SIGKILL) at so many
# random moments (10) and resumed, end with the same bits as ones left alone; what a kill leaves can be read, and no half-written file stays. The seed of the
# moments is printed; with it they come again.
set -u
source "$(dirname "${BASH_SOURCE[0]}")/tiny_training.sh"
ablate=$1 kills=${2:-10} seed=${3:-$RANDOM} dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
cd "$dir" && : > log
RANDOM=$seed
echo "seed $seed (again: kill_and_resume.sh ABLATE $kills $seed)"
tiny_training 'steps = 40' 'log_every = 1' 'checkpoint_every = 3' > run.toml
tiny_training 'steps = 40' 'log_every = 1' 'checkpoint_every = 2' 'checkpoint_keep = 3' 'on_loss_spike = "skip"' 'loss_spike_factor = 1.02' > kept.toml
{ cat run.toml; printf '[sweep]\nseed = [1, 2, 3, 4, 5, 6]\n'; } > sweep.toml
fail() { echo "FAILED with seed $seed, moments (ms) $moments: $*"; tail -n 3 log; exit 1; }
moments=
milliseconds() { date +%s%3N; }

# compare FILE: the finished run in killed/ against the one in whole/.
compare() {
  "$ablate" run "$1" --out killed --resume > log 2>&1 || fail "$1: the last resume"
  diff <(losses whole/x) <(losses killed/x) > log || fail "$1: losses differ"
  diff <(metrics whole/x) <(metrics killed/x) > log || fail "$1: results differ"
  local weights
  for weights in whole/x/points/*/checkpoint/model.safetensors; do cmp "$weights" "${weights/whole/killed}" || fail "$1: weights differ"; done
  [ -z "$(find killed -name '*.partial' -o -name 'checkpoint.*')" ] || fail "$1: left behind: $(find killed -name '*.partial' -o -name 'checkpoint.*')"
  [ "$1" != kept.toml ] || [ "$(find killed -name 'checkpoint-*' -maxdepth 4 | wc -l)" -le 2 ] || fail "$1: kept $(find killed -name 'checkpoint-*')"
}

for file in run.toml kept.toml sweep.toml; do
  rm -rf whole killed
  "$ablate" run $file --out whole > log 2>&1 || fail "$file: the undisturbed run"
  start=$(milliseconds)
  "$ablate" run $file --out timed > log 2>&1
  length=$(($(milliseconds) - start)) killed=0 finished=0
  rm -rf timed
  while [ "$killed" -lt "$kills" ]; do
    "$ablate" run $file --out killed --resume > log 2>&1 &
    pid=$!
    moment=$(((RANDOM * 32768 + RANDOM) % length))  # a run may take longer than 32767 ms
    moments+=" $moment"
    sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
    if kill -9 "$pid" 2> /dev/null; then
      killed=$((killed + 1))
      wait "$pid" 2> /dev/null
      if [ -e killed/x/manifest.json ]; then "$ablate" report killed/x > log 2>&1 || fail "$file: kill $killed left what cannot be read"; fi
    else
      wait "$pid" || fail "$file: a resumed run"
      compare $file
      rm -rf killed
      finished=$((finished + 1))
    fi
  done
  compare $file
  echo "$file: killed $killed times in $((finished + 1)) runs, same bits"
done
