#!/usr/bin/env bash
# trouble.sh ABLATE LAYER_FOLDER: what can go wrong around a run, each with a clear outcome: exit code, one line that says what, and nothing lost.
set -u
source "$(dirname "${BASH_SOURCE[0]}")/tiny_training.sh"
ablate=$1 layers=$2 dir=$(mktemp -d) failed=0 done=0 skipped=0
mounts=() && trap 'for mount in "${mounts[@]}"; do umount "$mount"; done; rm -rf "$dir"' EXIT
cd "$dir"
tiny_training 'steps = 40' 'log_every = 1' 'checkpoint_every = 4' > x.toml
same() { diff <(losses whole/x) <(losses "$1/x") > difference && cmp -s whole/x/points/*/checkpoint/model.safetensors "$1"/x/points/*/checkpoint/model.safetensors; }
"$ablate" run x.toml --out whole > log 2>&1 || { cat log; exit 1; }

skip() { echo "skipped: $1"; skipped=$((skipped + 1)); }
# outcome WHAT EXIT_CODE TEXT COMMAND...: the command must end with that code and a last line that holds the text.
outcome() {
  local what=$1 expected=$2 text=$3 code last
  shift 3
  "$@" > log 2>&1
  code=$?
  last=$(tail -n 1 log)
  if [ "$code" -eq "$expected" ] && [[ "$last" == *"$text"* ]]; then echo "$what: exit $code, $last"; done=$((done + 1))
  else echo "FAILED $what: exit $code, expected $expected and \"$text\", found: $last"; failed=$((failed + 1)); fi
}
# check WHAT COMMAND...: the command must succeed.
check() {
  local what=$1
  shift
  if "$@" > log 2>&1; then done=$((done + 1)); else echo "FAILED $what: $(tail -n 1 log)"; failed=$((failed + 1)); fi
}
resumes() { check "$1: resumed" "$ablate" run x.toml --out "$2" --resume; check "$1: same bits" same "$2"; }

# --- disks ---
limited() { (ulimit -f "$1"; shift; exec "$@"); }                            # blocks of 1024 bytes
outcome "files cannot grow past 16 KiB" 1 "writing failed (File too large)" limited 16 "$ablate" run x.toml --out large
[ -z "$(find large -name '*.partial')" ] || { echo "FAILED: a partial file was left"; failed=$((failed + 1)); }
resumes "after a file that was too large" large
if mkdir tiny && mount -t tmpfs -o size=64k none tiny 2> /dev/null; then
  mounts+=("$dir/tiny")
  for size in 64 96 128; do
    mount -o remount,size=${size}k tiny
    outcome "full disk of $size KiB" 1 "No space left on device" "$ablate" run x.toml --out tiny --resume
  done
  mount -o remount,size=8m tiny
  resumes "after a full disk" tiny
  mount -o remount,ro tiny
  outcome "disk that only reads" 1 "Read-only file system" "$ablate" run x.toml --out tiny --resume
else
  skip "a full disk (mounting one needs root)"
fi
if [ "$(id -u)" -ne 0 ]; then
  mkdir closed && chmod 555 closed
  outcome "folder that may not be written" 1 "Permission denied" "$ablate" run x.toml --out closed
fi
: > file
outcome "results where a file is" 2 "is a file: results go into a folder" "$ablate" run x.toml --out file

# --- signals ---
for signal in INT TERM; do
  # From a shell function in the background SIGINT would be ignored; env -S gives it back its meaning where env knows how.
  ( trap - INT; exec env --default-signal=INT "$ablate" run x.toml --out stopped --set train.steps=100000 > log 2>&1 ) &
  pid=$!
  for _ in $(seq 100); do grep -qs '"step"' stopped/x/points/*/metrics.jsonl && break; sleep 0.1; done
  kill -$signal "$pid"
  wait "$pid"
  code=$?
  if [ "$code" -eq 130 ] && grep -q "stopped after step" log && [ -e stopped/x/points/*/checkpoint/optimizer.safetensors ]; then
    echo "SIG$signal: exit 130, $(tail -n 1 log)"; done=$((done + 1))
  else echo "FAILED SIG$signal: exit $code, $(tail -n 1 log)"; failed=$((failed + 1)); fi
  rm -rf stopped
done

# --- two runs in one folder ---
"$ablate" run x.toml --out shared --set train.steps=100000 > other 2>&1 &
pid=$!
for _ in $(seq 100); do [ -e shared/x/.lock ] && break; sleep 0.1; done
sleep 0.2
outcome "two runs in one folder" 2 "another run is writing to this folder" "$ablate" run x.toml --out shared
kill -9 "$pid"; wait "$pid" 2> /dev/null
check "the lock goes with its owner" "$ablate" run x.toml --out shared

# --- memory ---
outcome "a heap of 60 kB" 3 "the largest tensor" "$ablate" run x.toml --out small --without heap=60000
# Parameters in several allocations: the gradient's norm is summed piece by piece, so only rounding may differ.
check "parameters in allocations of 8192 bytes" "$ablate" run x.toml --out parts --without allocation=8192
first_digits() { sed -nE 's/.*"loss": ?([0-9.]{7}).*/\1/p' "$1"/x/points/*/metrics.jsonl; }
check "parameters in allocations of 8192 bytes: six digits of every loss" diff <(first_digits whole) <(first_digits parts)
# Matrices that no allocation holds: 64000 bytes each, in parts of their rows. Sums are made in another order, so only rounding may differ.
sed -e 's/^vocab_size = .*/vocab_size = 1000/' -e 's/^batch = .*/batch = 1/' -e 's/^name = .*/name = "wide"/' x.toml > wide.toml
check "matrices of 64000 bytes" "$ablate" run wide.toml --out wide
check "matrices in allocations of 20480 bytes" "$ablate" run wide.toml --out cut --without allocation=20480
wide_digits() { sed -nE 's/.*"loss": ?([0-9.]{6}).*/\1/p' "$1"/wide/points/*/metrics.jsonl; }
check "matrices in allocations of 20480 bytes: five digits of every loss" diff <(wide_digits wide) <(wide_digits cut)
check "matrices that kernels index 5000 elements of" "$ablate" run wide.toml --out reach --without elements=5000
check "matrices that kernels index 5000 elements of: five digits of every loss" diff <(wide_digits wide) <(wide_digits reach)
for bytes in 20480 32768 65536; do
  check "arenas of $bytes bytes" "$ablate" run x.toml --out pieces --without allocation=$bytes
  check "arenas of $bytes bytes: same bits" same pieces
done

# --- a device that breaks ---
export VK_LAYER_PATH=$layers
broken() { VK_INSTANCE_LAYERS=VK_LAYER_ABLATE_faults "$@"; }
for bytes in 30000 80000 120000; do
  export ABLATE_FAULT_MEMORY=$bytes
  outcome "device memory ends after $bytes bytes" 3 "bytes of device memory" broken "$ablate" run x.toml --out small
done
unset ABLATE_FAULT_MEMORY
export ABLATE_FAULT_LOST_AFTER=30
outcome "device lost" 1 "was lost: made up by the fault layer" broken "$ablate" run x.toml --out lost
unset ABLATE_FAULT_LOST_AFTER
resumes "after a lost device" lost
export ABLATE_FAULT_LOST_AFTER=400
outcome "device lost, one kernel at a time" 1 ": the device" broken "$ablate" run x.toml --out lost --one-by-one
unset ABLATE_FAULT_LOST_AFTER

# --- a system that ends submissions over three seconds ---
cat > long.toml <<'T'
name = "long"
kind = "train"
model = {vocab_size = 4096, d_model = 256, n_layers = 1, n_heads = 4}
data = {source = "bigram_backcopy", symbols = 4000}
train = {steps = 2, batch = 4, seq_len = 256, eval_windows = 1}
T
"$ablate" run long.toml --out cold > /dev/null 2>&1  # some drivers compile within the first submission, and keep it
export ABLATE_FAULT_LONGEST=3000
check "steps of several seconds, in submissions that each are short" broken "$ablate" run long.toml --out long
unset ABLATE_FAULT_LONGEST

# --- a clock that jumps ---
if command -v faketime > /dev/null; then
  check "a clock a year ahead, running backwards" faketime -f '+1y x-1' "$ablate" run x.toml --out clock
  check "a clock that runs backwards: same bits" same clock
else
  skip "clocks (needs faketime)"
fi
echo "$done checks, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
