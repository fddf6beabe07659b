#!/usr/bin/env bash
# output.sh ABLATE: whoever watches a run goes away: closed streams, a full disk under the log, a reader that ends, a terminal that is gone. Progress is worth no
# run: it goes on, with the same bits; a terminal that hangs up stops it as SIGTERM does, with its checkpoint.
set -u
source "$(dirname "${BASH_SOURCE[0]}")/tiny_training.sh"
ablate=$1 dir=$(mktemp -d) failed=0 done=0
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export ABLATE_CACHE=$dir/cache
tiny_training 'steps = 40' 'log_every = 1' '[[variant]]' 'name = "first"' '[[variant]]' 'name = "second"' > x.toml
"$ablate" run x.toml --out whole > log 2>&1 || { cat log; exit 1; }
right() { echo "$1"; done=$((done + 1)); }
wrong() { echo "FAILED $1"; failed=$((failed + 1)); }

# same WHAT CODE OUT EXPECTED: the run of this exit code left the results that an undisturbed one leaves.
same() {
  if [ "$2" -ne "$4" ]; then wrong "$1: exit $2, expected $4"
  elif ! diff <(losses whole/x) <(losses "$3/x") > difference; then wrong "$1: other losses"
  elif ! diff <(metrics whole/x) <(metrics "$3/x") > difference; then wrong "$1: another table"
  elif ! cmp -s whole/x/points/01-first/checkpoint/model.safetensors "$3"/x/points/01-first/checkpoint/model.safetensors; then wrong "$1: other weights"
  elif grep -rqE 'point [0-9]+ of|^note:|^memory:' "$3"/x --include=*.json --include=*.csv --include=*.jsonl; then wrong "$1: progress stands in a file of results"
  else right "$1: exit $2, the same results"; fi
}
"$ablate" run x.toml --out 1 2>&- > /dev/null; same "standard error closed" $? 1 0
"$ablate" run x.toml --out 2 >&- 2>&- <&-; same "all streams closed" $? 2 0
"$ablate" run x.toml --out 3 2> /dev/full > /dev/null; same "a full disk under the log" $? 3 0
"$ablate" run x.toml --out 4 > /dev/full 2> log; same "a full disk under the table" $? 4 0
grep -q "the table cannot be printed (No space left on device); all of it is in 4/x" log || wrong "a full disk under the table: $(tail -n 1 log)"
"$ablate" run x.toml --out 5 2>&1 | head -n 1 > /dev/null; same "head -n 1" "${PIPESTATUS[0]}" 5 0
"$ablate" run x.toml --out 6 2>&1 | true; same "a reader that never reads" "${PIPESTATUS[0]}" 6 0
"$ablate" run x.toml --out 7 --devices 0,0 2>&1 | true; same "a reader that never reads, two processes" "${PIPESTATUS[0]}" 7 0
# What the handler of an error says may be lost too; its exit code is not.
"$ablate" run nowhere.toml 2>&- > /dev/null; [ $? -eq 2 ] && right "bad input, standard error closed: exit 2" || wrong "bad input, standard error closed"
"$ablate" run nowhere.toml 2> /dev/full; [ $? -eq 2 ] && right "bad input, log disk full: exit 2" || wrong "bad input, log disk full"

# Where the output is all that a command gives, not being able to write it is a failure.
for command in devices "check x.toml" "check x.toml --json" shaders "report whole/x"; do
  "$ablate" $command > /dev/full 2> log
  code=$?
  if [ "$code" -eq 1 ] && grep -q "^ablate: .*No space left on device" log; then right "$command > /dev/full: exit 1"; else wrong "$command > /dev/full: exit $code, $(cat log)"; fi
done

# The terminal is gone: SIGHUP, more than once, and nothing to write to. (env: from a script, a signal may arrive ignored.)
for how in "" nohup; do
  rm -rf hung
  [ -n "$how" ] && steps=2000 || steps=100000
  ( exec env --default-signal=HUP $how "$ablate" run x.toml --points 1 --out hung --set train.steps=$steps > log 2>&1 ) &
  pid=$!
  for _ in $(seq 200); do grep -qs '"step"' hung/x/points/*/metrics.jsonl && break; sleep 0.05; done
  kill -HUP "$pid"; kill -HUP "$pid" 2> /dev/null
  wait "$pid"
  code=$?
  if [ -z "$how" ] && [ "$code" -eq 130 ] && [ -e hung/x/points/01-first/checkpoint/optimizer.safetensors ]; then right "SIGHUP: exit 130, with a checkpoint"
  elif [ -n "$how" ] && [ "$code" -eq 0 ]; then right "SIGHUP under nohup: ignored"
  else wrong "SIGHUP ${how:-}: exit $code, $(tail -n 1 log)"; fi
done
if command -v script > /dev/null; then
  # A terminal of its own, closed while the run works.
  script -qfc "exec '$ablate' run x.toml --points 1 --out terminal --set train.steps=20000" /dev/null > /dev/null 2>&1 &
  pid=$!
  for _ in $(seq 200); do grep -qs '"step"' terminal/x/points/*/metrics.jsonl && break; sleep 0.05; done
  kill -9 "$pid"; wait "$pid" 2> /dev/null
  for _ in $(seq 200); do [ -e terminal/x/points/01-first/checkpoint/optimizer.safetensors ] && break; sleep 0.05; done
  if [ -e terminal/x/points/01-first/checkpoint/optimizer.safetensors ]; then right "a terminal that is closed: a checkpoint"; else wrong "a terminal that is closed: no checkpoint"; fi
else
  echo "skipped: a terminal that is closed (needs script)"
fi
echo "$done checks, $failed failed"
[ "$failed" -eq 0 ]
