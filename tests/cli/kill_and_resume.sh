#!/usr/bin/env bash
# A run killed (SIGKILL) at several moments and resumed ends with the same bits as one that was left alone.
set -u
ablate=$1 dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > x.toml <<'TOML'
name = "x"
kind = "train"
seed = 3
[model]
vocab_size = 19
d_model = 16
n_layers = 1
n_heads = 2
d_ffn = 32
max_seq_len = 16
[data]
source = "bigram_backcopy"
symbols = 17
[train]
steps = 40
batch = 4
seq_len = 16
lr = 1e-2
log_every = 1
checkpoint_every = 3
eval_windows = 4
TOML
"$ablate" run x.toml --out whole > /dev/null 2>&1 || { echo "FAILED: the undisturbed run"; exit 1; }
kills=0
for delay in 0.25 0.3 0.35 0.4 0.5 0.6; do
  "$ablate" run x.toml --out killed --resume > /dev/null 2>&1 &
  pid=$!
  sleep "$delay"
  kill -9 "$pid" 2> /dev/null && kills=$((kills + 1))
  wait "$pid" 2> /dev/null
done
"$ablate" run x.toml --out killed --resume > log 2>&1 || { echo "FAILED: the last resume: $(tail -n 1 log)"; exit 1; }
losses() { sed -E 's/,? ?"tokens_per_s": ?[^,}]*//' "$1"/x/points/*/metrics.jsonl; }
if ! diff <(losses whole) <(losses killed) > difference; then echo "FAILED: losses differ: $(head -n 3 difference)"; exit 1; fi
cmp whole/x/points/*/checkpoint/model.safetensors killed/x/points/*/checkpoint/model.safetensors || { echo "FAILED: weights differ"; exit 1; }
[ "$kills" -gt 0 ] || { echo "FAILED: every run ended before it could be killed"; exit 1; }
echo "killed $kills times, same bits"
