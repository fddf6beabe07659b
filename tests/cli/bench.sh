#!/usr/bin/env bash
# ablate bench: figures as a table and as JSON, suites, and what it refuses.
set -u
ablate=$1 failed=0
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
cd "$dir"

# says TEXT CODE ARGUMENTS...: `ablate bench ARGUMENTS` must exit with CODE and print a line holding TEXT.
says() {
  local text=$1 code=$2 output
  shift 2
  output=$("$ablate" bench "$@" --seconds 0.01 2>&1)
  local found=$?
  if [ "$found" -ne "$code" ] || [[ "$output" != *"$text"* ]]; then
    echo "FAILED bench $*: exit $found, expected $code and \"$text\", found: $output"; failed=$((failed + 1))
  fi
}
says "x256 f32 backward" 0 rmsnorm --rows "x256 f32" --warm --json rmsnorm.json
says "GFLOP/s" 0 matmul --m 64 --no-ceilings
says "1 layers, T" 0 --suite scaling --rows layers-1 --json -
says "is not known" 2 --suite nothing
says "no op \"nothing\"" 2 nothing
says "no row" 2 --suite h200 --rows nothing
says "not both" 2 rmsnorm --suite h200
says "cannot be opened" 2 --suite h200 --peers nothing.json
python3 - <<'PYTHON' || failed=$((failed + 1))
import json
rows = json.load(open("rmsnorm.json"))["results"]
assert len(rows) == 2, rows
for row in rows:
    assert row["warm_seconds"] > 0 and row["cold_seconds"] is None and row["bytes_floor_seconds"] > 0, row
PYTHON
[ "$failed" -eq 0 ] && echo "ablate bench works"
