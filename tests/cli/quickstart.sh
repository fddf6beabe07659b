#!/usr/bin/env bash
# The shipped quickstart, whole: what it says of itself holds, and a claim that is turned round does not.
set -u
ablate=$1 failed=0
experiments=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../experiments" && pwd)
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
cd "$dir"

output=$("$ablate" run "$experiments/quickstart.toml" --out runs --strict 2>&1)
code=$?
[[ $code -eq 0 && "$output" == *"11 of 11 claims hold"* ]] || { echo "FAILED the quickstart: exit $code: $output"; failed=1; }

sed "s/spike('first key masked') > /spike('first key masked') < /" "$experiments/quickstart.toml" > turned.toml
output=$("$ablate" run turned.toml --out turned --points 1,6 --strict 2>&1)
code=$?
[[ $code -eq 1 && "$output" == *"fails  Planted: with the first key masked"* ]] || { echo "FAILED a claim turned round: exit $code: $output"; failed=1; }
exit "$failed"
