#!/usr/bin/env bash
# Bad input gets one line that names what and where, exit code 2, and leaves nothing behind.
set -u
ablate=$1 golden=$(cd "$(dirname "${BASH_SOURCE[0]}")/../golden/hf" && pwd) failed=0
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
cd "$dir"
cp -r "$golden/planted" model
base='name = "x"
kind = "intervene"
[model]
checkpoint = "model"
[data]
source = "tokens"
file = "model/expected.safetensors"'

# refuses WHAT EXPECTED_TEXT: x.toml must be refused with a line holding EXPECTED_TEXT.
refuses() {
  local output code lines
  output=$("$ablate" run x.toml --out runs 2>&1 > /dev/null) && code=0 || code=$?
  lines=$(printf '%s\n' "$output" | wc -l)
  if [ "$code" -ne 2 ] || [ "$lines" -ne 1 ] || [[ "$output" != *"$2"* ]] || [ -e runs ]; then
    echo "FAILED $1: exit $code, expected one line with \"$2\", found: $output"; failed=$((failed + 1)); rm -rf runs
  fi
}
printf '%s\n' "$base" 'typo = 1' > x.toml;                                              refuses "unknown key" "typo"
printf '%s\n' "$base" > x.toml; sed -i 's/"model"/3/' x.toml;                           refuses "wrong type" "x.toml:4"
printf '%s\n' "$base" > x.toml; sed -i 's#checkpoint = "model"#checkpoint = "none"#' x.toml; refuses "missing folder" "none"
printf '%s\n' "$base" '[[intervention]]' 'at = "block.99"' 'do = "zero"' > x.toml;      refuses "no such hook point" "block.99"
printf '%s\n' "$base" '[[intervention]]' 'at = "block.1"' 'do = "zero"' 'channels = [64]' > x.toml; refuses "no such channel" "64"
printf '%s\n' "$base" '[[intervention]]' 'at = "attn.probs"' 'do = "mask_key"' 'tokens = 95' > x.toml; refuses "changes nothing" "changes nothing"
printf '%s\n' "$base" > x.toml
head -c 100000 model/model.safetensors > cut && mv cut model/model.safetensors;         refuses "truncated safetensors" "model.safetensors"
[ "$failed" -eq 0 ] && echo "all bad input refused"
