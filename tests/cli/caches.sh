#!/usr/bin/env bash
# caches.sh ABLATE: a cache that cannot be written or read, or that holds rubbish, never ends a run and never changes its results: it goes on without, and says so
# in one note.
set -u
source "$(dirname "${BASH_SOURCE[0]}")/tiny_training.sh"
ablate=$1 dir=$(mktemp -d) failed=0 done=0
mounts=() && trap 'for mount in "${mounts[@]}"; do umount "$mount"; done; rm -rf "$dir"' EXIT
cd "$dir"
for i in $(seq 400); do echo "some text that is long enough, line $i"; done > text.txt
cat > x.toml << 'TOML'
name = "x"
kind = "train"
[model]
vocab_size = 256
d_model = 16
n_layers = 1
n_heads = 2
max_seq_len = 16
[data]
source = "text"
files = ["text.txt"]
tokenizer = "bytes"
[train]
steps = 4
batch = 2
seq_len = 16
log_every = 1
eval_windows = 4
[[variant]]
name = "first"
[[variant]]
name = "second"
TOML
right() { echo "$1"; done=$((done + 1)); }
wrong() { echo "FAILED $1"; failed=$((failed + 1)); }
ABLATE_CACHE=$dir/good "$ablate" run x.toml --out whole > log 2>&1 || { cat log; exit 1; }
[ -n "$(ls good/tokens 2> /dev/null)" ] && right "a cache of tokens" || wrong "no tokens were kept"

# same WHAT NOTES: with the cache that ABLATE_CACHE names, the same results and so many notes about it.
same() {
  rm -rf out
  "$ablate" run x.toml --out out > log 2>&1
  local code=$? notes
  notes=$(grep -c '^note: nothing can be kept in the cache folder .*ABLATE_CACHE' log)
  if [ "$code" -ne 0 ]; then wrong "$1: exit $code, $(tail -n 1 log)"
  elif [ "$notes" -ne "$2" ]; then wrong "$1: $notes notes, expected $2"
  elif ! diff <(losses whole/x) <(losses out/x) > difference; then wrong "$1: other results"
  else right "$1: the same results, $notes notes"; fi
}
export ABLATE_CACHE=/proc/nowhere; same "a folder that cannot be made" 1
: > file; export ABLATE_CACHE=$dir/file; same "a file where the folder should be" 1
cp -r good spoiled; export ABLATE_CACHE=$dir/spoiled
for file in $(find spoiled -type f); do head -c "$(($(stat -c %s "$file") / 2))" "$file" > cut && cp cut "$file"; done; same "files that are cut short" 0
for file in $(find spoiled -type f); do head -c 3000 /dev/urandom > "$file"; done; same "files full of rubbish" 0
for file in $(find spoiled -type f); do : > "$file"; done; same "empty files" 0
for file in $(find spoiled -type f); do rm "$file" && mkdir "$file"; done; same "folders where files should be" 1
for file in spoiled/*/*; do [ -d "$file" ] && rmdir "$file" && mkfifo "$file"; done; rm -rf spoiled/*.json spoiled/*.bin; same "pipes where files should be" 0
if [ "$(id -u)" -eq 0 ] && mkdir tiny && mount -t tmpfs -o size=8k none tiny 2> /dev/null; then
  mounts+=("$dir/tiny")
  export ABLATE_CACHE=$dir/tiny; same "a full disk under the cache" 1
  mount -o remount,size=8m,ro tiny; same "a cache that can only be read" 1
else
  echo "skipped: a full disk (mounting one needs root)"
fi
if [ "$(id -u)" -eq 0 ] && command -v setpriv > /dev/null; then
  cp -r good closed && chmod -R 000 closed && mkdir mine && chmod 777 . mine
  export ABLATE_CACHE=$dir/closed
  setpriv --reuid 65534 --clear-groups "$ablate" run x.toml --out mine > log 2>&1
  code=$?
  if [ "$code" -eq 0 ] && [ "$(grep -c '^note: nothing can be kept' log)" -eq 1 ]; then right "a cache that may not be read: exit 0, one note"
  else wrong "a cache that may not be read: exit $code, $(tail -n 1 log)"; fi
fi
unset ABLATE_CACHE XDG_CACHE_HOME
HOME=$dir/file/home same "a home that is not there" 1
echo "$done checks, $failed failed"
[ "$failed" -eq 0 ]
