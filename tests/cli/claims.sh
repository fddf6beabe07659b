#!/usr/bin/env bash
# What the small experiment files say they show holds, all of it; and each of their claims fails when it is turned into its opposite, which a
# resumed run finds from the same rows. Rows are as short as their claims allow.
set -u
ablate=$1 failed=0 judged=0
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
cp -r "$(dirname "${BASH_SOURCE[0]}")/../../experiments" "$dir/as-written" && cp -r "$dir/as-written" "$dir/turned"
# not (a < b and c >= d) is a >= b or c < d
find "$dir/turned" -name '*.toml' -exec sed -Ei '/^holds = /{s/<=/@1/g; s/>=/@2/g; s/</@3/g; s/>/@4/g; s/@1/>/g; s/@2/</g; s/@3/>=/g; s/@4/<=/g
  s/ and / @5 /g; s/ or / and /g; s/ @5 / or /g}' {} +

claims() {  # the number of claims that OUTPUT's score speaks of
  sed -nE 's/^[0-9]+ of ([0-9]+) claims? holds?.*/\1/p' <<< "$1" | tail -n 1
}
check() {  # check FILE [OPTION...]
  local file=$1 output code count
  shift
  output=$("$ablate" run "$dir/as-written/$file" --out "$dir/runs" --strict "$@" 2>&1)
  code=$? count=$(claims "$output")
  [[ $code -eq 0 && -n $count && "$output" =~ (^|$'\n')"$count of $count claim"s?" hold"s?($|$'\n') ]] ||
    { echo "FAILED $file: exit $code: $output"; failed=1; return; }
  output=$("$ablate" run "$dir/turned/$file" --out "$dir/runs" --strict --resume "$@" 2>&1)
  code=$?
  [[ $code -eq 1 && "$output" == *$'\n'"0 of $count claim"*" hold, $count fail"* ]] ||
    { echo "FAILED $file, its claims turned into their opposites: exit $code: $output"; failed=1; }
  judged=$((judged + count))
}

short="--set probe.sequences=4"
check anatomy/life_cycle.toml $short
check anatomy/geometry.toml $short
check anatomy/geometry_of_first_tokens.toml
check anatomy/interventions.toml $short
check anatomy/natural_experiments.toml $short
check anatomy/perplexity.toml $short
check anatomy/quadratic_forms.toml $short
check anatomy/silu_regime.toml $short
check anatomy/sink_heads.toml $short
check anatomy/vocabulary.toml --set model.vocab_size=40
check extend/kurtosis.toml
few="--set train.batch=4 --set train.eval_windows=4"
check extend/clipped_rmsnorm.toml --set train.steps=4 $few
check extend/relu_squared.toml --set train.steps=10 $few
echo "$judged claims held, and failed when turned into their opposites"
exit "$failed"
