#!/usr/bin/env bash
# ranks.sh ABLATE [KILLS [SEED]]: a training by several ranks (mpirun) has the bits of one process, whichever number; so has one of which a rank is killed (SIGKILL) at a
# random moment, so many times (4), resumed with another number each time. What cannot work is refused in a line. The seed of the moments is printed.
set -u
source "$(dirname "${BASH_SOURCE[0]}")/tiny_training.sh"
ablate=$1 kills=${2:-4} seed=${3:-$RANDOM} dir=$(mktemp -d) done=0
trap 'rm -rf "$dir"' EXIT
cd "$dir" && : > log
RANDOM=$seed
echo "seed $seed (again: ranks.sh ABLATE $kills $seed)"
fail() { echo "FAILED with seed $seed: $*"; tail -n 20 log; exit 1; }
passed() { done=$((done + 1)); }
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl_base_warn_component_unused=0
export OMPI_MCA_btl_vader_single_copy_mechanism=none  # which containers forbid
# ranks N ARGUMENT...: by one process without mpirun.
ranks() {
  local n=$1
  shift
  if [ "$n" = 1 ]; then "$ablate" "$@" > log 2>&1; else mpirun -n "$n" "$ablate" "$@" > log 2>&1; fi
}
{ tiny_training 'steps = 20' 'log_every = 1' 'checkpoint_every = 4' 'accumulate = 6'; printf '[probe]\nevery = 5\n[sweep]\nseed = [1, 2]\n'; } |
  sed 's/^batch = .*/batch = 12/' > x.toml

# same FOLDER WHOLE: checkpoints whole, losses and results.
same() {
  local file
  for file in "$2"/x/points/*/checkpoint/{model,optimizer}.safetensors "$2"/x/points/*/checkpoint/config.json; do
    cmp "$file" "${file/$2/$1}" > log 2>&1 || return 1
  done
  diff <(losses "$2"/x) <(losses "$1"/x) > log && diff <(metrics "$2"/x) <(metrics "$1"/x) > log &&
    diff <(cd "$2/x" && find . -type f | sort) <(cd "$1/x" && find . -type f | sort) > log
}

for precision in f32 mixed-f16; do
  set=(--set "train.precision=$precision")
  ranks 1 run x.toml "${set[@]}" --out "$precision-1" || fail "$precision, one process"
  for n in 2 3 6; do
    ranks $n run x.toml "${set[@]}" --out "$precision-$n" || fail "$precision, $n ranks"
    [ "$(grep -c '^ranks: ' log)" = 1 ] || fail "$precision, $n ranks: other ranks than the first print"
    same "$precision-$n" "$precision-1" || fail "$precision, $n ranks: not what one process gives"
    passed
  done
done
ranks 2 run x.toml --set train.recompute=blocks --set train.optimizer=muon --out muon-2 && ranks 1 run x.toml --set train.optimizer=muon --out muon-1 ||
  fail "muon"
same muon-2 muon-1 || fail "muon with blocks computed again, 2 ranks: not what one process gives"
passed

# --- gone on with by another number ---
constant=(--set train.schedule=constant --set train.precision=mixed-f16)
ranks 1 run x.toml "${constant[@]}" --out constant-1 || fail "one process"
ranks 2 run x.toml "${constant[@]}" --set train.steps=7 --out constant && ranks 3 run x.toml "${constant[@]}" --out constant --resume || fail "resumed"
same constant constant-1 || fail "7 steps by 2 ranks and 13 by 3: not what one process gives"
passed

# --- killed, and resumed with another number ---
milliseconds() { date +%s%3N; }
# Within ten seconds: what mpirun has killed as it ended may take a moment to die.
gone() {
  for _ in $(seq 100); do
    [[ "$(ps -o stat= -p "$1")" =~ ^(Z.*)?$ ]] && return
    sleep 0.1
  done
  return 1
}
start=$(milliseconds)
ranks 2 run x.toml --out timed || fail "timed"
length=$(($(milliseconds) - start))
numbers=(2 3 6)
for ((killed = 0, tries = 0; killed < kills; ++tries)); do
  n=${numbers[$((tries % 3))]}
  mpirun -n "$n" "$ablate" run x.toml --out killed --resume > log 2>&1 &
  pid=$!
  moment=$((RANDOM % length))
  sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
  mapfile -t processes < <(pgrep -P "$pid")
  if [ ${#processes[@]} -gt 0 ] && kill -9 "${processes[$((RANDOM % ${#processes[@]}))]}" 2> /dev/null; then
    killed=$((killed + 1))
    if wait "$pid"; then  # as it may where all was done
      same killed f32-1 || fail "a run of which a rank was killed ended with exit code 0"
    fi
    for process in "${processes[@]}"; do
      gone "$process" || fail "a rank lives on"
    done
    if [ -e killed/x/manifest.json ]; then "$ablate" report killed/x > log 2>&1 || fail "kill $killed left what cannot be read"; fi
  else
    wait "$pid" || fail "a resumed run"
    same killed f32-1 || fail "resumed: not what one process gives"
    rm -rf killed
  fi
done
for n in 1 3; do
  cp -r killed "last-$n"
  ranks $n run x.toml --out "last-$n" --resume || fail "the last resume, $n ranks"
  same "last-$n" f32-1 || fail "killed $kills times and resumed with $n ranks: not what one process gives"
  passed
done

# --- each rank says a line ---
mpirun -n 3 "$ablate" run x.toml --set train.steps=100000 --out long > log 2>&1 &
pid=$!
for _ in $(seq 200); do grep -qs '"step"' long/x/points/*/metrics.jsonl && break; sleep 0.1; done
kill -9 "$(pgrep -P "$pid" | sed -n 2p)"
wait "$pid" && fail "a rank was killed, and the exit code is 0"
for rank in 0 2; do grep -q "^ablate: rank $rank: ends because rank [012] has ended" log || fail "rank $rank does not say why it ends"; done
passed

# --- stopped ---
mpirun -n 2 --mca odls_base_sigkill_timeout 5 "$ablate" run x.toml --set train.steps=100000 --out stopped > log 2>&1 &
pid=$!
for _ in $(seq 200); do grep -qs '"step"' stopped/x/points/*/metrics.jsonl && break; sleep 0.1; done
kill -TERM "$pid"
wait "$pid" && fail "stopped, and the exit code is 0"
[ "$(grep -c 'stopped after step' log)" = 1 ] || fail "stopped: not said once"
[ -e stopped/x/points/*1*/checkpoint/optimizer.safetensors ] || fail "stopped: no checkpoint"
passed

# --- refused ---
refused() {
  local code=$1 text=$2 n=$3
  shift 3
  ranks "$n" "$@"
  local found=$?
  [ $found -eq "$code" ] && [ "$(grep -c -F -- "$text" log)" = 1 ] || fail "exit $found, expected $code and one line with: $text"
  passed
}
refused 2 "train.accumulate: 6 pieces cannot be shared out evenly among 4 ranks" 4 run x.toml --out refused
refused 2 "unknown key" 2 run x.toml --set train.stepss=3 --out refused
refused 2 "train.accumulate: 6 pieces cannot be shared out evenly among 4 ranks" 1 check x.toml --ranks 4
refused 2 "--devices" 2 run x.toml --devices all --out refused
[ ! -e refused ] || fail "a refused run wrote something"
ranks 1 check x.toml --ranks 3 || fail "check --ranks"
grep -q "^3 ranks; " log || fail "check does not say the ranks"
passed
echo "$done passed, $killed kills"
