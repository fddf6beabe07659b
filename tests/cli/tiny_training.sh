# Sourced: a training run of a moment, for tests of what happens around it.

# tiny_training LINE...: the experiment "x" on standard output; the lines go to its [train].
tiny_training() {
  cat << 'TOML'
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
batch = 4
seq_len = 16
lr = 1e-2
eval_windows = 4
TOML
  printf '%s\n' "$@"
}

# Of a results folder, without the speed: every logged step, and the table.
losses() { for file in "$1"/points/*/metrics.jsonl; do sed -E 's/,? ?"tokens_per_s": ?[^,}]*//' "$file"; done; }
metrics() { cut -d, -f1-11 "$1/results.csv"; }
