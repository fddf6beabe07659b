#!/usr/bin/env bash
# other_settings.sh ABLATE: no result, checkpoint, merged table or cache claims settings that did not make it: what other settings made is refused (exit 2) with the keys that
# differ, and nothing in the folder is touched.
set -u
source "$(dirname "${BASH_SOURCE[0]}")/tiny_training.sh"
ablate=$1 dir=$(mktemp -d) failed=0 done=0
trap 'rm -rf "$dir"' EXIT
export ABLATE_CACHE=$dir/cache
cd "$dir"
right() { echo "$1"; done=$((done + 1)); }
wrong() { echo "FAILED $1: $(tail -n 2 log)"; failed=$((failed + 1)); }
state() { find "$1" -type f ! -name .lock -exec sha256sum {} + | sort -k 2; }

# refuses NAME FOLDER TEXT COMMAND...: exit 2 with TEXT in one line, and FOLDER as it was.
refuses() {
  local name=$1 folder=$2 text=$3 before after code
  shift 3
  before=$(state "$folder" 2> /dev/null)
  timeout 60 "$@" > log 2>&1
  code=$?
  after=$(state "$folder" 2> /dev/null)
  if [ $code -eq 2 ] && grep -qF -- "$text" log && [ "$before" = "$after" ]; then right "$name: $(grep -F -- "$text" log)"; else wrong "$name (exit $code)"; fi
}
passes() {
  local name=$1
  shift
  if "$@" > log 2>&1; then right "$name"; else wrong "$name"; fi
}
number() { grep -o "\"$2\": [-0-9.e+]*" "$1" | cut -d' ' -f2 | tr '\n' ' '; }

# An interrupted training.
tiny_training 'steps = 100000' 'checkpoint_every = 20' 'log_every = 20' > t.toml
interrupt() {
  rm -rf "$1"
  "$ablate" run "$2" --out "$1" > log 2>&1 &
  local pid=$!
  for _ in $(seq 600); do [ -e "$1/x/points/01-x/checkpoint/optimizer.safetensors" ] && break; sleep 0.05; done
  kill -INT $pid
  wait $pid
}
interrupt cosine t.toml
for change in 'train.lr: 0.01 -> 0.0001' 'train.batch: 4 -> 8' 'seed: 3 -> 77' 'data.symbols: 17 -> 12' 'model.norm: "rmsnorm" -> "layernorm"' 'train.steps: 100000 -> 10' \
  'train.steps: 100000 -> 200000' 'without: [] -> ["f16"]'; do
  key=${change%%: *} value=${change##*-> }
  refuses "resumed with another $key" cosine "made with other settings, $change" "$ablate" run t.toml --out cosine --resume --set "$key=$value"
done
refuses "resumed with --without" cosine 'without: [] -> ["f16"]' "$ablate" run t.toml --out cosine --resume --without f16
refuses "by several processes" cosine 'train.lr: 0.01 -> 1' "$ablate" run t.toml --out cosine --resume --devices 0,0 --set train.lr=1.0

# More steps of a constant schedule are the bits of a longer run.
tiny_training 'steps = 30' 'schedule = "constant"' 'log_every = 10' > c.toml
passes "thirty steps" "$ablate" run c.toml --out short
passes "thirty more" "$ablate" run c.toml --out short --resume --set train.steps=60
grep -q 'note: x: 30 steps are done; goes on to 60 instead of 30' log || wrong "no line about more steps"
passes "sixty at once" "$ablate" run c.toml --out long --set train.steps=60
if cmp -s {short,long}/x/points/01-x/checkpoint/model.safetensors; then right "thirty and thirty steps are sixty"; else wrong "other weights"; fi
refuses "fewer steps than are done" short '(60 steps are done)' "$ablate" run c.toml --out short --resume --set train.steps=50

# What a file holds is a setting.
printf 'A text that is long enough for a few windows of sixteen bytes, and for the share that is held out: it goes on and on.\n%.0s' {1..40} > corpus.txt
tiny_training 'steps = 3' '[sweep]' 'seed = [1, 2]' | sed -e 's/^source = .*/source = "text"\nfiles = ["corpus.txt"]\ntokenizer = "bytes"/' -e '/^symbols/d' -e 's/^vocab_size.*/vocab_size = 256/' > text.toml
passes "one of two points of a text" "$ablate" run text.toml --out text --points 1
cp corpus.txt kept.txt
sed -i 's/goes on/went on/' corpus.txt
refuses "resumed with another text" text 'data.files: content ' "$ablate" run text.toml --out text --resume
passes "the other point of another text" "$ablate" run text.toml --out other --points 2
refuses "merged with another text" merged 'data.files: content ' "$ablate" report text/x other/x --merge merged
cp kept.txt corpus.txt
passes "the same text again" "$ablate" run text.toml --out text --resume

# Shards.
tiny_training 'steps = 20' '[sweep]' 'seed = [1, 2]' > m.toml
passes "a shard" "$ablate" run m.toml --out a --shard 1/2
passes "another" "$ablate" run m.toml --out b --shard 2/2
passes "another of other settings" "$ablate" run m.toml --out c --shard 2/2 --set train.steps=5
refuses "shards of other settings" merged 'train.steps: 20 -> 5' "$ablate" report a/x c/x --merge merged
passes "shards of the same" "$ablate" report a/x b/x --merge x
passes "what was merged is resumed" "$ablate" run m.toml --out . --resume

# Results of a version that noted nothing.
sed -i 's/"settings": {/"settings": "00ff00ff00ff00ff", "old": {/' a/x/points/*/row.json
rm -rf a/x/points/*/checkpoint
refuses "a row without its settings" a 'did not note which settings made it' "$ablate" run m.toml --out a --resume
refuses "merged without its settings" merged 'did not note which settings made it' "$ablate" report a/x b/x --merge merged

# Weights that points share: a point of a sweep is what it is alone.
cat > probe.toml << 'TOML'
name = "p"
kind = "probe"
model = {vocab_size = 19, d_model = 16, n_layers = 1, n_heads = 2, max_seq_len = 16}
data = {source = "bigram_backcopy", symbols = 17}
probe = {sequences = 4, seq_len = 16}
TOML
alone_and_swept() {
  local key=$1 first=$2 second=$3
  { cat "$4"; printf '[sweep]\n"%s" = [%s, %s]\n' "$key" "$first" "$second"; } > swept.toml
  "$ablate" run swept.toml --out swept > log 2>&1 || wrong "$key, swept"
  "$ablate" run "$4" --out first --set "$key=$first" > log 2>&1 || wrong "$key=$first"
  "$ablate" run "$4" --out second --set "$key=$second" > log 2>&1 || wrong "$key=$second"
  echo "swept $(number swept/p/results.json loss), alone $(number first/p/results.json loss)$(number second/p/results.json loss)" > log
  if [ "$(number swept/p/results.json loss)" = "$(number first/p/results.json loss)$(number second/p/results.json loss)" ]; then right "$key: $(cat log)"; else wrong "$key"; fi
}
alone_and_swept train.init_rule '"paper"' '"gpt2"' probe.toml
cat probe.toml - > norm.toml << 'TOML'
[shaders.mine]
kind = "norm"
forward = "mine.comp"
parameters = {weight = {start = 1.0}}
TOML
sed -i 's/max_seq_len = 16}/max_seq_len = 16, norm = "mine"}/' norm.toml
printf '#include "user/norm.glsl"\nvoid forward() { for_channels(i) set_y(i, weight(i) * x(i)); }\n' > mine.comp
alone_and_swept shaders.mine.parameters.weight.start 1.0 0.5 norm.toml

# A shader's include, however it is written.
cat probe.toml - > include.toml << 'TOML'
[shaders.mine]
kind = "activation"
forward = "act.comp"
TOML
sed -i 's/max_seq_len = 16}/max_seq_len = 16, ffn = "mine"}/' include.toml
printf '#include <helper.glsl>\nfloat forward(float x) { return factor() * max(x, 0.0); }\n' > act.comp
echo 'float factor() { return 1.0; }' > helper.glsl
passes "a shader with an include" "$ablate" run include.toml --out include
echo 'float factor() { return 1000.0; }' > helper.glsl
refuses "resumed with another include" include 'shaders.mine.forward: content ' "$ablate" run include.toml --out include --resume
passes "another include" "$ablate" run include.toml --out include2
if [ "$(number include/p/results.json loss)" != "$(number include2/p/results.json loss)" ]; then right "another include is another kernel"; else wrong "the old kernel"; fi

# A norm belongs to the point that brings it.
cat probe.toml - > scoped.toml << 'TOML'
[[variant]]
name = "brings it"
model.norm = "mine"
shaders.mine = {kind = "norm", forward = "mine.comp", parameters = {weight = {start = 1.0}}}
[[variant]]
name = "does not"
model.norm = "mine"
TOML
refuses "another point's norm, alone" scoped '"mine" is not known' "$ablate" run scoped.toml --out scoped --points 2
refuses "another point's norm, in a sweep" scoped '"mine" is not known' "$ablate" run scoped.toml --out scoped
passes "its own norm" "$ablate" run scoped.toml --out scoped --points 1

echo "$done checks, $failed failed"
[ $failed -eq 0 ]
