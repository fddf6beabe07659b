#!/usr/bin/env bash
# Every shipped experiment file is valid, and those that need no data of the user's run: two training steps, few sequences.
set -u
ablate=$1 root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd) failed=0 ran=0 skipped=0
out=$(mktemp -d) && trap 'rm -rf "$out"' EXIT
cd "$root"
for file in $(find experiments -name '*.toml' ! -name base.toml | sort); do
  if ! "$ablate" check "$file" > "$out/log" 2>&1; then echo "FAILED check $file: $(tail -n 1 "$out/log")"; failed=$((failed + 1)); continue; fi
  if "$ablate" check "$file" --json 2> /dev/null | grep -q '"source": "text"'; then
    echo "skipped: $file needs a text of the user's; its plan was checked"; skipped=$((skipped + 1)); continue
  fi
  small="--set train.steps=2 --set train.batch=2 --set train.seq_len=16 --set train.eval_windows=2 --set probe.every=0"
  grep -q '^kind = "train"\|kind = "train"' "$file" || small=
  if timeout 300 "$ablate" run "$file" --out "$out/runs" --points 1 $small > "$out/log" 2>&1; then ran=$((ran + 1)); else echo "FAILED run $file: $(tail -n 1 "$out/log")"; failed=$((failed + 1)); fi
done
echo "$ran experiments ran, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$ran" -gt 0 ]
