#!/usr/bin/env bash
# Every shipped experiment file is valid, and its first point runs: two training steps, few sequences, this README where a text is needed.
set -u
ablate=$1 root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd) failed=0 ran=0
out=$(mktemp -d) && trap 'rm -rf "$out"' EXIT
cd "$root"
for file in $(find experiments -name '*.toml' ! -name base.toml | sort); do
  if ! plan=$("$ablate" check "$file" --json 2> "$out/log"); then echo "FAILED check $file: $(tail -n 1 "$out/log")"; failed=$((failed + 1)); continue; fi
  small= text=
  grep -q '^  "kind": "train"' <<< "$plan" && small="--set train.steps=2 --set train.batch=2 --set train.seq_len=16 --set train.eval_windows=2 --set probe.every=0"
  if grep -q '"source": "text"' <<< "$plan"; then
    case $file in experiments/gu2025/*|experiments/sun2024*)
      small="$small --set model.n_layers=1 --set model.vocab_size=512";;  # of 60M and more: one of their layers
    esac
    text="--set data.files=[\"README.md\"] --set data.validation=[\"README.md\"] --set data.tokenizer=bytes"
  fi
  if timeout 300 "$ablate" run "$file" --out "$out/runs" --points 1 $small $text > "$out/log" 2>&1; then ran=$((ran + 1)); else echo "FAILED run $file: $(tail -n 1 "$out/log")"; failed=$((failed + 1)); fi
done
echo "$ran experiments ran, $failed failed"
[ "$failed" -eq 0 ] && [ "$ran" -gt 0 ]
