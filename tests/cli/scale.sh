#!/usr/bin/env bash
# scale.sh ABLATE: a sweep run by one process, by several, in shards by GNU Parallel and by Slurm (where they are) gives the same results; a process that dies
# loses only its point.
set -u
source "$(dirname "${BASH_SOURCE[0]}")/tiny_training.sh"
ablate=$1 root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd) dir=$(mktemp -d) failed=0 done=0 skipped=0
trap 'rm -rf "$dir"' EXIT
cd "$dir"
tiny_training 'steps = 150' 'checkpoint_every = 10' '[sweep]' 'seed = [1, 2, 3, 4, 5, 6, 7]' > x.toml
skip() { echo "skipped: $1"; skipped=$((skipped + 1)); }
right() { echo "$1"; done=$((done + 1)); }
wrong() { echo "FAILED $1: $(tail -n 1 log)"; failed=$((failed + 1)); }
same() { if diff <(metrics whole/x) <(metrics "$2") > log 2>&1; then right "$1: the same results"; else wrong "$1"; fi; }
"$ablate" run x.toml --out whole > log 2>&1 || { cat log; exit 1; }

"$ablate" run x.toml --out two --devices 0,0 > log 2>&1 || wrong "two processes"
same "two processes" two/x

# As many points as devices: all are at work at once.
"$ablate" run x.toml --points 1,2 --out both --devices 0,0 > log 2>&1 &
pid=$! most=0
while kill -0 "$pid" 2> /dev/null; do
  now=$(pgrep -c -P "$pid")
  [ "$now" -gt "$most" ] && most=$now
  sleep 0.02
done
if wait "$pid" && [ "$most" -eq 2 ]; then right "two points by two processes"; else wrong "two points by $most processes at once"; fi

# Kills a worker as soon as one is at work.
"$ablate" run x.toml --out killed --devices 0,0 > log 2>&1 &
pid=$!
for _ in $(seq 200); do [ -e killed/x/points/01-seed-1/checkpoint/optimizer.safetensors ] && break; sleep 0.02; done
victim=$(pgrep -P "$pid" | head -n 1)
[ -n "$victim" ] && kill -9 "$victim"
if wait "$pid" && grep -q "ended (signal 9)" log; then right "a killed process: $(grep 'signal 9' log)"; else wrong "a killed process"; fi
same "a killed process" killed/x

# The only device's process killed: the device gets one new process, once.
"$ablate" run x.toml --points 1,2 --out alone --devices 0 > log 2>&1 &
pid=$!
for _ in $(seq 200); do [ -e alone/x/points/01-seed-1/checkpoint/optimizer.safetensors ] && break; sleep 0.02; done
victim=$(pgrep -P "$pid" | head -n 1)
[ -n "$victim" ] && kill -9 "$victim"
if wait "$pid" && grep -q "ended (signal 9)" log; then right "the only process killed: another did its points"; else wrong "the only process killed"; fi

# SIGTERM to the process that holds the queue: all finish their steps and write.
"$ablate" run x.toml --out stopped --devices 0,0 > log 2>&1 &
pid=$!
for _ in $(seq 200); do [ -e stopped/x/points/01-seed-1/checkpoint/optimizer.safetensors ] && break; sleep 0.02; done
kill -TERM "$pid"
wait "$pid"
code=$?
if [ "$code" -eq 130 ]; then right "SIGTERM: exit 130, $(tail -n 1 log)"; else wrong "SIGTERM: exit $code"; fi
"$ablate" run x.toml --out stopped --devices 0,0 --resume > log 2>&1 || wrong "a stopped sweep, resumed"
same "a stopped sweep, resumed" stopped/x

# The holder killed: nobody else may write until its workers are gone, and then all goes on.
"$ablate" run x.toml --out orphans --devices 0,0 > log 2>&1 &
pid=$!
for _ in $(seq 200); do [ -e orphans/x/points/01-seed-1/checkpoint/optimizer.safetensors ] && break; sleep 0.02; done
kill -9 "$pid"
wait "$pid" 2> /dev/null
for _ in $(seq 100); do "$ablate" run x.toml --out orphans --resume > log 2>&1 && break; grep -q "another run" log || break; sleep 0.1; done
same "the holder of the queue killed" orphans/x

# Shards that cannot be merged cost nothing of what was merged before; then one is put right, and the merge replaces it.
for k in 1 2; do "$ablate" run x.toml --shard $k/2 --out merging/shard-$k > log 2>&1 || wrong "shard $k"; done
ABLATE=$ablate "$root/tools/merge_shards" merging > log 2>&1 || wrong "a merge"
grep -q "^merging/merged/report.html$" log && right "the merged page is named" || wrong "the merged page is not named"
same "two shards, merged" merging/merged
find merging/merged -type f -exec sha256sum {} + | sort > before
mv merging/shard-2 kept && "$ablate" run x.toml --shard 2/2 --out merging/shard-2 --set train.lr=0.5 > log 2>&1
ABLATE=$ablate "$root/tools/merge_shards" merging > log 2>&1
code=$?
if [ "$code" -eq 2 ] && find merging/merged -type f -exec sha256sum {} + | sort | cmp -s before - && [ "$(ls -A merging | wc -l)" -eq 3 ]; then right "a merge that is refused leaves the earlier one"
else wrong "a merge that is refused: exit $code, $(ls -A merging | tr '\n' ' ')"; fi
rm -r merging/shard-2 && mv kept merging/shard-2 && touch merging/merged/old
ABLATE=$ablate "$root/tools/merge_shards" merging > log 2>&1 || wrong "a second merge"
[ ! -e merging/merged/old ] && same "a second merge" merging/merged || wrong "a second merge keeps the first"

if command -v parallel > /dev/null; then
  ABLATE=$ablate PARALLEL="--jobs 2" "$root/tools/sweep_parallel" x.toml 3 shards > log 2>&1 || wrong "GNU Parallel"
  same "GNU Parallel" shards/merged
else
  skip "GNU Parallel is not here"
fi
if command -v sbatch > /dev/null && timeout 5 sinfo --noheader > /dev/null 2>&1; then
  ABLATE=$ablate "$root/tools/sweep_slurm" x.toml 3 slurm > log 2>&1 || wrong "Slurm"
  for _ in $(seq 300); do [ -e slurm/merged/report.html ] && break; sleep 0.2; done
  cat slurm/*.log >> log 2>&1
  same "Slurm" slurm/merged
else
  skip "Slurm is not here"
fi
# Ten thousand points are listed, and one of a thousand shards of them is run, in seconds.
sed -e '/^\[sweep\]/,$d' -e 's/^steps = .*/steps = 1/' x.toml > big.toml
printf '[sweep]\nseed = [%s]\n"train.lr" = [%s]\n' "$(seq -s, 100)" "$(seq -f %ge-4 -s, 100)" >> big.toml
start=$(date +%s%3N)
"$ablate" check big.toml > log 2>&1 && grep -q "10000 points" log || wrong "10,000 points, listed"
listed=$(($(date +%s%3N) - start))
"$ablate" run big.toml --shard 1/1000 --out big > log 2>&1 || wrong "10,000 points, a shard"
run=$(($(date +%s%3N) - start - listed))
if [ "$listed" -lt 60000 ] && [ "$run" -lt 60000 ]; then right "10,000 points: listed in $listed ms, ten of them run in $run ms"; else wrong "10,000 points: $listed and $run ms"; fi
echo "$done checks, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
