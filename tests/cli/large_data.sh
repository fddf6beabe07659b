#!/usr/bin/env bash
# large_data.sh ABLATE [KILLS [SEED]]: data of many files and documents: patterns and folders are their files, tokenizing that is killed (SIGKILL) at random
# moments goes on and ends with the same bits, changed data are not resumed with, and what cannot be read is told in one line. The seed of the moments is printed.
set -u
source "$(dirname "${BASH_SOURCE[0]}")/tiny_training.sh"
ablate=$1 kills=${2:-4} seed=${3:-$RANDOM} dir=$(mktemp -d) failed=0 done=0 && trap 'rm -rf "$dir"' EXIT
tokenizer=$(cd "$(dirname "${BASH_SOURCE[0]}")/../golden/tokenizers/gpt2" && pwd)/tokenizer.json
cd "$dir" && mkdir in
RANDOM=$seed
echo "seed $seed (again: large_data.sh ABLATE $kills $seed)"
export ABLATE_CACHE=$dir/cache
right() { echo "$1"; done=$((done + 1)); }
wrong() { echo "FAILED with seed $seed: $1"; failed=$((failed + 1)); }

# A hundred megabytes in lines of JSON (several batches), and a few small files beside them.
python3 -c '
import json, random
random.seed(1)
words = ["".join(random.choice("etaoinshrdlu") for _ in range(random.randint(2, 9))) for _ in range(3000)]
paragraphs = [" ".join(random.choice(words) for _ in range(400)) for _ in range(300)]
with open("lines.jsonl", "w") as out:
    size = 0
    for i in range(10**9):
        line = json.dumps({"id": i, "text": paragraphs[i % 300] + f" {i}"})
        size += out.write(line + "\n")
        if size > 100_000_000: break
'
zstd -q lines.jsonl -o in/a.jsonl.zst && rm lines.jsonl
printf 'a small text\r\n' | gzip > in/b.txt.gz
printf 'another one\n' > in/c.txt
experiment() {
  cat << TOML
name = "x"
kind = "train"
[model]
vocab_size = 50257
d_model = 8
n_layers = 1
n_heads = 1
max_seq_len = 16
[data]
source = "text"
files = $1
tokenizer = "$tokenizer"
order = "epochs"
document_end_id = 50256
[train]
steps = 3
batch = 2
seq_len = 16
log_every = 1
eval_windows = 2
TOML
}
experiment '"in"' > folder.toml
experiment '["in/a*.zst", "in/[bc].t*"]' > patterns.toml
experiment '["in/a.jsonl.zst", "in/b.txt.gz", "in/c.txt"]' > names.toml

"$ablate" run folder.toml --out whole > log 2>&1 || { cat log; exit 1; }
for file in patterns names; do
  "$ablate" run $file.toml --out $file > log 2>&1
  diff <(losses whole/x) <(losses $file/x) > difference && right "$file: the same losses as the folder" || wrong "$file: $(tail -n 1 log)"
done
[ "$(ls cache/tokens | wc -l)" -eq 2 ] && right "tokenized once" || wrong "in the cache: $(ls cache/tokens)"
cp cache/tokens/*.u16 ids

start=$(date +%s%3N)
ABLATE_CACHE=$dir/timed "$ablate" check folder.toml > log 2>&1
length=$(($(date +%s%3N) - start)) killed=0 grew=0
rm -rf cache timed
while [ "$killed" -lt "$kills" ]; do
  before=$(cat cache/tokens/*.journal 2> /dev/null | wc -l)
  "$ablate" check folder.toml > log 2>&1 &
  pid=$!
  moment=$(((RANDOM * 32768 + RANDOM) % length))
  sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
  kill -9 "$pid" 2> /dev/null
  wait "$pid" 2> /dev/null
  ls cache/tokens/*.journal > /dev/null 2>&1 || rm -rf cache  # all done: from the start again
  killed=$((killed + 1))
  after=$(cat cache/tokens/*.journal 2> /dev/null | wc -l)
  [ "$after" -gt "$before" ] && [ "$before" -gt 0 ] && grew=$((grew + 1))
done
"$ablate" run folder.toml --out killed > log 2>&1 || wrong "after the kills: $(tail -n 1 log)"
cmp cache/tokens/*.u16 ids && diff <(losses whole/x) <(losses killed/x) > difference && right "tokenizing killed $kills times ($grew went on): the same ids" ||
  wrong "tokenizing killed $kills times: other ids"
[ -z "$(ls cache/tokens | grep journal)" ] && right "no journal stays" || wrong "a journal stays"

printf 'another two\n' > in/c.txt
"$ablate" run folder.toml --out whole --resume > log 2>&1
code=$?
[ "$code" -eq 2 ] && grep -q 'data.files: content' log && right "other data are not resumed with" || wrong "other data: exit $code, $(tail -n 1 log)"

# refuses WHAT EXPECTED_TEXT: bad.toml must be refused in one line.
refuses() {
  local output code
  output=$("$ablate" run bad.toml --out bad 2>&1 > /dev/null) && code=0 || code=$?
  if [ "$code" -eq 2 ] && [ "$(printf '%s\n' "$output" | wc -l)" -eq 1 ] && [[ "$output" == *"$2"* ]] && [ ! -e bad ]; then right "refused: $1"
  else wrong "$1: exit $code, expected one line with \"$2\", found: $output"; fi
}
head -c 100000 in/a.jsonl.zst > cut.jsonl.zst; experiment '"cut.jsonl.zst"' > bad.toml;   refuses "a zstd file cut short" "cut.jsonl.zst: the file ends before its zstd stream does"
head -c 15 in/b.txt.gz > cut.txt.gz;           experiment '"cut.txt.gz"' > bad.toml;      refuses "a gzip file cut short" "cut.txt.gz: the file ends before its gzip stream does"
printf '{"text": "a"}\n{"text": "b}\n' > a.jsonl; experiment '"a.jsonl"' > bad.toml;      refuses "a broken line" "a.jsonl:2:13: not JSON"
printf '{"body": "a"}\n' > a.jsonl;                                                       refuses "a line without the field" 'a.jsonl:1: has no "text"'
printf 'PAR1' > a.parquet; experiment '"a.parquet"' > bad.toml;                           refuses "Parquet" "pandas.read_parquet('a.parquet').to_json('a.jsonl'"
mkdir none; experiment '"none"' > bad.toml;                                               refuses "an empty folder" "none: holds no .txt or .jsonl file"
experiment '"none/*.txt"' > bad.toml;                                                     refuses "a pattern without files" "none/*.txt"
echo "$done checks, $failed failed"
[ "$failed" -eq 0 ]
