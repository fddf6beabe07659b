#!/usr/bin/env bash
# check_and_run.sh ABLATE: what `ablate check` says, `ablate run` does, with the same words; and what is wrong costs nothing of what is there.
set -u
ablate=$1 dir=$(mktemp -d) done=0 failed=0
trap 'rm -rf "$dir"' EXIT
cd "$dir"
right() { done=$((done + 1)); }
wrong() { echo "FAILED $*"; failed=$((failed + 1)); }
common='model = {vocab_size = 35, d_model = 16, n_layers = 1, n_heads = 2, max_seq_len = 16}
data = {source = "bigram_backcopy", symbols = 33}'
printf 'name = "t"\nkind = "train"\n%s\ntrain = {steps = 2, batch = 4, seq_len = 16, eval_windows = 4}\n' "$common" > train.toml
printf 'name = "i"\nkind = "intervene"\nmodel = {preset = "planted", vocab_size = 35, bos_token_id = 33}\ndata = {source = "bigram_backcopy", symbols = 33}\nprobe = {sequences = 4, seq_len = 16}\n' > intervene.toml
sed 's/kind = .*/kind = "probe"/; s/"i"/"p"/' intervene.toml > probe.toml

# The results of a first run, which must survive everything below.
for file in train intervene probe; do "$ablate" run $file.toml --out out > log 2>&1 || wrong "$file: $(tail -n 1 log)"; done
find out -type f ! -name .lock -exec md5sum {} + | sort > before

# alike FILE CODE TEXT ARGUMENTS...: check and run end with CODE and one and the same line that holds TEXT.
alike() {
  local file=$1 code=$2 text=$3 checked ran
  shift 3
  "$ablate" check "$file" "$@" > /dev/null 2> checked.log; checked=$?
  "$ablate" run "$file" --out out "$@" > /dev/null 2> ran.log; ran=$?
  local said ended
  said=$(grep '^ablate: ' checked.log) ended=$(grep '^ablate: ' ran.log)
  if [ "$checked" -eq "$code" ] && [ "$ran" -eq "$code" ] && [ "$said" = "$ended" ] && [[ "$said" == *"$text"* ]]; then right
  else wrong "$file $*: check $checked \"$said\", run $ran \"$ended\", expected $code with \"$text\""; fi
}
set_in_training() { alike train.toml "$1" "$2" --set "$3"; }
set_in_training 2 "the model's vocab_size is 5" 'model.vocab_size=5'
set_in_training 2 'model.loss_positions: expected [a, b] with 0 <= a < b <= train.seq_len (16)' 'model.loss_positions=[0,500]'
set_in_training 2 'train.init_rule: expected one of' 'train.init_rule=xavier'
set_in_training 2 '/nowhere' 'train.init=/nowhere'
set_in_training 2 'model.norm' 'model.norm=batchnorm'
set_in_training 2 'model.final_norm' 'model.final_norm=batchnorm'
set_in_training 2 'model.ffn' 'model.ffn=moe'
set_in_training 2 'model.gate' 'model.gate=x'
set_in_training 2 'model.attention' 'model.attention=x'
set_in_training 2 'probe.statistics' 'probe.statistics=["x"]'
set_in_training 2 'probe.dump' 'probe.dump=["x"]'
set_in_training 2 '--set: data.triggers: expected' 'data.triggers=33'
set_in_training 2 '/nowhere' 'model.checkpoint=/nowhere'
set_in_training 2 'intervention: [[intervention]] is read by kind = "intervene"; this is kind = "train"' 'intervention=[{at="block.1",do="zero"}]'
set_in_training 3 ' the device allows ' 'train.batch=10000000'
# Sizes whose batches alone would take the host's memory, or minutes: refused at once.
started=$SECONDS
set_in_training 3 ' device' 'train.batch=100000000'
set_in_training 2 'are asked for at once' 'train.eval_windows=1000000000'
set_in_training 2 'train.seq_len: expected 1 to 16777216' 'train.seq_len=1000000000'
[ $((SECONDS - started)) -lt 30 ] && right || wrong "what is too large took $((SECONDS - started)) seconds"
set_in_training 2 'model.max_seq_len' 'model={vocab_size=35,d_model=16,n_heads=2,position="learned",max_seq_len=8}'
set_in_training 2 'model.max_seq_len' 'model={vocab_size=35,d_model=16,n_heads=2,gate="channel",gate_input="position",max_seq_len=8}'
alike probe.toml 2 'train.lr: [train] is read by kind = "train"; this is kind = "probe"' --set train.lr=0.1
alike probe.toml 2 'block.99' --set 'probe.statistics=["means"]' --set 'probe.means.at=["step_up","block.99"]'
alike probe.toml 2 'it wants data.source = "vocabulary"' --set 'probe.statistics=["vocabulary"]'
alike train.toml 3 'no such device' --set 'device="no such device"'
edit() { alike intervene.toml 2 "$1" --set "intervention=[$2]"; }
edit 'channel 999' '{at="step_up",do="zero",channels=[999]}'
edit 'intervention' '{at="block.1",do="set",value=[1.0,2.0]}'
edit 'intervention' '{at="logits",do="mean",channels="spike"}'
edit 'token' '{at="step_up",do="mean",tokens=[500]}'
edit 'direction' '{at="block.1",do="project_out",value=[0.0],channels=[2]}'
edit '2 values for 64 channels' '{at="block.1",do="project_out",value=[1.0,2.0]}'
edit 'no point has the id 09-x' '{at="block.1",do="mean",statistics="@09-x"}'
edit 'intervention.preset' '{preset="w3a3"}'
edit 'intervention.granularity' '{at="linear_inputs",do="quantize",bits=8,granularity="row"}'
"$ablate" check intervene.toml --set 'intervention=[{preset="w4a4",except_tokens=1}]' > log 2>&1
grep -q 'preset .*w4a4' log && grep -q 'linear_weights' log && grep -q 'linear_inputs' log && right || wrong "check does not say what a preset stands for: $(cat log)"
"$ablate" check train.toml --set 'evaluation=[{name="q",intervention=[{preset="kv4"}]}]' > log 2>&1
grep -q 'attn.k' log && right || wrong "check does not say what an evaluation's preset stands for: $(cat log)"
alike probe.toml 2 'transformation.do: expected one of' --set 'transformation=[{do="prune"}]'
sed 's/^model = .*/model = {vocab_size = 35, d_model = 16, n_heads = 2, max_seq_len = 32}/' probe.toml > parts.toml
alike parts.toml 2 'transformation.do: the norm "layernorm"' --set 'model.norm="layernorm"' --set 'transformation=[{do="rotate"}]'
alike train.toml 2 '[[transformation]] is read by kind' --set 'transformation=[{do="rotate"}]'
alike parts.toml 2 'streaming.window: model.position = "learned"' --set 'model.position="learned"' --set 'streaming={window=4}'
# A checkpoint that a transformation wrote is the model that it was: its loss, and not its spike.
"$ablate" run probe.toml --out turned --set 'transformation=[{do="smooth"},{do="rotate",write=true}]' > log 2>&1 || wrong "transformations: $(tail -n 1 log)"
"$ablate" run probe.toml --out again --set "model.checkpoint=\"$(echo turned/p/points/*/checkpoint)\"" > log 2>&1 || wrong "a transformed checkpoint: $(tail -n 1 log)"
python3 - <<'PYTHON' && right || wrong "a transformed checkpoint is another model"
import json
plain, turned, again = (json.load(open(f"{out}/p/results.json"))["rows"][0]["metrics"] for out in ("out", "turned", "again"))
same = lambda a, b: abs(a["loss"] - b["loss"]) < 1e-4 * a["loss"]
assert same(plain, turned) and same(plain, again), (plain["loss"], turned["loss"], again["loss"])
assert turned["spike"] < plain["spike"] / 2 and abs(again["spike"] / turned["spike"] - 1) < 1e-4, (plain["spike"], turned["spike"], again["spike"])
PYTHON

# The same in blocks: a loss near that of the numbers; transformed it is kept in numbers, and a note says so.
again="model.checkpoint=\"$(echo turned/p/points/*/checkpoint)\""
"$ablate" run probe.toml --out blocks --set "$again" --set 'model.stored="q8_0"' > log 2>&1 || wrong "model.stored: $(tail -n 1 log)"
python3 - <<'PYTHON' && right || wrong "weights in blocks are another model"
import json
again, blocks = (json.load(open(f"{out}/p/results.json"))["rows"][0]["metrics"] for out in ("again", "blocks"))
assert 0 < abs(blocks["loss"] - again["loss"]) < 0.02 * again["loss"], (again["loss"], blocks["loss"])
PYTHON
"$ablate" run probe.toml --out smooth --set "$again" --set 'model.stored="q4_0"' --set 'transformation=[{do="smooth"}]' > log 2>&1
grep -q 'weights that the model keeps as q4_0 are kept as f32: they are transformed' log && right || wrong "no note about q4_0: $(tail -n 3 log)"

# Data that end before the last step, and windows too short for what [data] changes in them.
python3 - <<'PYTHON'
import json, struct
ids = list(range(2 * 4 * 17))
raw = struct.pack(f"<{len(ids)}i", *[i % 33 for i in ids])
header = json.dumps({"ids": {"dtype": "I32", "shape": [2, 4, 17], "data_offsets": [0, len(raw)]}}).encode()
open("ids.safetensors", "wb").write(struct.pack("<Q", len(header)) + header + raw)
PYTHON
sed 's/^data = .*/data = {source = "tokens", file = "ids.safetensors"}/' train.toml > tokens.toml
alike tokens.toml 2 'holds 2 batches' --set train.steps=5
alike tokens.toml 2 'data.fixed_position: ' --set data.fixed_position=100
sed 's/^data = .*/data = {source = "text", files = ["later.txt"], tokenizer = "bytes"}/' train.toml > later.toml
# Data that are not there yet are let pass, by check alone.
"$ablate" check later.toml --set model.vocab_size=256 > log 2>&1 && right || wrong "data not there yet: $(tail -n 1 log)"
"$ablate" run later.toml --out out --set model.vocab_size=256 > log 2>&1
[ $? -eq 2 ] && right || wrong "a run without data"

find out -type f ! -name .lock -exec md5sum {} + | sort > after
if diff before after > log; then right; else wrong "results were touched: $(head -n 3 log)"; fi

# A folder that no run wrote is not touched, however it is named.
mkdir -p mine/t && echo 'dear diary' > mine/t/diary.txt
"$ablate" run train.toml --out mine > log 2>&1; code=$?
if [ $code -eq 2 ] && grep -q "not a folder that a run wrote" log && [ "$(find mine -type f)" = mine/t/diary.txt ]; then right; else wrong "a folder of somebody's own: exit $code, $(tail -n 1 log)"; fi
# What lies beside results stays there.
echo notes > out/t/notes.txt
for _ in 1 2; do "$ablate" run train.toml --out out > log 2>&1 || wrong "run again: $(tail -n 1 log)"; done
if [ -e out/t/notes.txt ] && [ -e out/t/previous/results.json ] && [ -e out/t/previous-2/results.json ]; then right; else wrong "earlier results: $(ls out/t)"; fi

# A point that takes what another one records.
cat > needs.toml <<'TOML'
name = "n"
kind = "intervene"
model = {preset = "planted", vocab_size = 35, bos_token_id = 33}
data = {source = "bigram_backcopy", symbols = 33}
probe = {sequences = 4, seq_len = 16, statistics = ["means"], means = {at = ["block.2"]}}
[[variant]]
name = "mean"
intervention = [{at = "block.2", do = "mean", tokens = 0, statistics = "@03-intact"}]
[[variant]]
name = "zero, at once"
intervention = [{at = "block.2", do = "zero"}]
[[variant]]
name = "intact"
TOML
row() { python3 -c 'import json,sys; print([r["metrics"]["loss"] for r in json.load(open(sys.argv[1]))["rows"] if r["point"]["id"] == sys.argv[2]])' "$1/n/results.json" 01-mean; }
"$ablate" run needs.toml --out whole > log 2>&1 || wrong "a point before the one it needs: $(tail -n 1 log)"
"$ablate" run needs.toml --out part --points mean > log 2>&1 || wrong "--points: $(tail -n 1 log)"
"$ablate" run needs.toml --out shard1 --shard 1/2 > log 2>&1 || wrong "--shard 1/2: $(tail -n 1 log)"
"$ablate" run needs.toml --out shard2 --shard 2/2 > log 2>&1 || wrong "--shard 2/2: $(tail -n 1 log)"
"$ablate" run needs.toml --out workers --devices 0,0,0 > log 2>&1 || wrong "--devices: $(tail -n 1 log)"
"$ablate" run needs.toml --out partly --devices 0,0 --points mean,2 > log 2>&1 || wrong "--devices --points: $(tail -n 1 log)"
"$ablate" report shard1/n shard2/n --merge merged/n > log 2>&1 || wrong "merge: $(tail -n 1 log)"
for folder in part shard1 workers partly merged; do
  if [ "$(row $folder)" = "$(row whole)" ] && [ "$(row whole)" != "[]" ]; then right; else wrong "$folder: $(row $folder) instead of $(row whole)"; fi
done
[ -e part/n/needed/03-intact/means.safetensors ] && [ ! -e part/n/points/03-intact ] && right || wrong "the needed point: $(ls part/n)"
"$ablate" run needs.toml --out part --resume > log 2>&1 && [ "$(row part)" = "$(row whole)" ] && right || wrong "resumed: $(tail -n 1 log)"

# Several files as one: what they share is run once, and there is one score.
for name in one two; do
  printf 'name = "%s"\ntitle = "Table %s"\nkind = "train"\n%s\ntrain = {steps = 2, batch = 4, seq_len = 16, eval_windows = 4}\n[[variant]]\nname = "baseline"\n' "$name" "$name" "$common"
  printf '[[variant]]\nname = "%s"\nseed = %s\n[[claim]]\ntext = "t"\nholds = "loss('"'%s'"') > 0 and loss('"'baseline'"') > 0"\n' "$name" "${#name}$([ $name = one ] && echo 1)" "$name"
done > both
head -n "$(($(wc -l < both) / 2))" both > one.toml; tail -n "$(($(wc -l < both) / 2))" both > two.toml
printf 'name = "all"\ninclude = ["one.toml", "two.toml"]\n' > all.toml
scores() { grep -c '^2 of 2 claims hold$' log; }
speeds() { python3 -c 'import json,sys; r = json.load(open(sys.argv[1]))["rows"]; print(len(r), len({x["metrics"]["tokens_per_s"] for x in r}))' "$1/all/results.json"; }
"$ablate" check all.toml > log 2>&1 && grep -q '03-two-baseline.* as 1 ' log && right || wrong "check of a collection: $(tail -n 3 log)"
"$ablate" run all.toml --out all1 > log 2>&1; [ "$(scores) $(speeds all1)" = "1 4 3" ] && right || wrong "a collection: $(speeds all1) $(tail -n 3 log)"
"$ablate" run all.toml --out all2 --devices 0,0 > log 2>&1; [ "$(scores) $(speeds all2)" = "1 4 3" ] && right || wrong "a collection on devices: $(speeds all2) $(tail -n 3 log)"
for part in 1 2; do "$ablate" run all.toml --out all3.$part --shard $part/2 > log 2>&1 || wrong "a shard of a collection: $(tail -n 1 log)"; done
"$ablate" report all3.1/all all3.2/all --merge all3/all > log 2>&1; [ "$(scores) $(speeds all3)" = "1 4 3" ] && right || wrong "shards of a collection: $(speeds all3) $(tail -n 3 log)"
"$ablate" run all.toml --out all4 --points 'two: baseline' > log 2>&1; grep -q '^0 of 2 claims hold, 2 open$' log && right || wrong "a part of a collection: $(tail -n 3 log)"
"$ablate" run all.toml --out all4 --resume > log 2>&1; [ "$(scores) $(speeds all4)" = "1 4 3" ] && right || wrong "a collection resumed: $(speeds all4) $(tail -n 3 log)"
VK_DRIVER_FILES=/nowhere VK_ICD_FILENAMES=/nowhere "$ablate" report all4/all > log 2>&1 && [ "$(scores)" = 1 ] && right || wrong "a report without a device: $(tail -n 1 log)"

# Points by what `ablate check` calls them.
listed() { "$ablate" check needs.toml --points "$1" 2> log | grep -c '^  0'; }
"$ablate" check needs.toml | grep -q "zero, at once" && right || wrong "check prints no names"
for points in "2 zero, at once" "3 zero, at once,1" "3 1-3" "3 zero, at once,mean,3"; do
  # A needed point is listed too.
  [ "$(listed "${points#* }")" -ge 1 ] && right || wrong "--points $points: $(tail -n 1 log)"
done
"$ablate" check needs.toml --points 2-7 > log 2>&1; [ $? -eq 2 ] && grep -q -- "--points 2-7: no such point" log && right || wrong "--points 2-7"
"$ablate" --version | grep -q '^ablate [0-9]' && right || wrong "--version"
echo "$done checks, $failed failed"
[ "$failed" -eq 0 ]
