#!/usr/bin/env bash
# recompute.sh ABLATE: train.recompute = "auto" keeps activations where memory suffices, computes blocks again where it doesn't, says so, and changes no bits.
set -u
source "$(dirname "${BASH_SOURCE[0]}")/tiny_training.sh"
ablate=$1 dir=$(mktemp -d) failed=0 done=0
trap 'rm -rf "$dir"' EXIT
cd "$dir"
tiny_training 'steps = 6' 'checkpoint_every = 3' > x.toml
deep=(--set model.n_layers=6 --set train.seq_len=16)
check() {
  local name=$1
  shift
  if "$@" > log 2>&1; then done=$((done + 1)); else echo "FAILED $name: $(tail -n 2 log)"; failed=$((failed + 1)); fi
}
# run FOLDER ARGUMENT...: FOLDER.log is what it says.
run() { "$ablate" run x.toml "${deep[@]}" --out "$@" > "$1.log" 2>&1; }
fails() { ! "$@"; }
# total FILE: the bytes of the plan's memory, as a run prints it ("memory: 158208 bytes: ..., 61440 bytes for the activations of a training step, ...").
total() { sed -nE 's/^memory: ([0-9.]+) ?([a-zA-Z]*):.*/\1 \2/p' "$1" | awk '{ print int($1 * ($2 == "MB" ? 1e6 : $2 == "kB" ? 1e3 : 1)) }'; }

check "with memory for all" run kept
check "it says nothing of it" fails grep train.recompute kept.log
check "none" run none --set train.recompute=none
whole=$(total none.log)
check "blocks" run blocks --set train.recompute=blocks
less=$(total blocks.log)
check "blocks take less memory ($less of $whole bytes)" test "$less" -lt "$whole"
heap=$(((less + whole) / 2))
check "a heap of $heap bytes is too small without" fails run no --set train.recompute=none --without heap=$heap
check "and that says what helps" grep -q 'set train.recompute to "blocks"' no.log
check "auto, with a heap of $heap bytes" run auto --without heap=$heap
check "auto says so" grep -q 'note: train.recompute: blocks, for' auto.log
check "so does ablate check" bash -c '"$@" > check.log 2>&1' - "$ablate" check x.toml "${deep[@]}" --without heap=$heap
check "in a line" grep -q 'note: train.recompute: blocks, for' check.log
for other in none blocks auto; do
  check "$other: same weights" cmp kept/x/points/*/checkpoint/model.safetensors $other/x/points/*/checkpoint/model.safetensors
  check "$other: same losses" diff <(losses kept/x) <(losses $other/x)
done
check "resumed with the other" "$ablate" run x.toml "${deep[@]}" --out blocks --resume --set train.recompute=none
echo "$done checks passed, $failed failed: $less instead of $whole bytes"
[ $failed -eq 0 ]
