#!/usr/bin/env bash
# live_report.sh ABLATE: while a training runs its report.html is there, grows, and loads itself again; once the run has ended, or was stopped, it does not.
set -u
source "$(dirname "${BASH_SOURCE[0]}")/tiny_training.sh"
ablate=$1 dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
cd "$dir"
tiny_training 'steps = 100000' 'log_every = 5' 'checkpoint_every = 50' > run.toml
page=out/x/report.html
fail() { echo "FAILED: $*"; kill -9 "$pid" 2> /dev/null; tail -n 3 log; exit 1; }
"$ablate" run run.toml --out out > log 2>&1 &
pid=$!
pages=0 before=
for i in $(seq 600); do
  sleep 0.1
  [ -e $page ] || continue
  now=$(cksum < $page)
  [ "$now" = "$before" ] && continue
  cp $page page  # a whole page, whenever it is read
  grep -q '</html>' page || fail "half a page"
  grep -q 'location.reload' page && grep -q 'http-equiv="refresh"' page || fail "a page that does not follow the run"
  before=$now pages=$((pages + 1))
  [ "$pages" -eq 3 ] && break
done
[ "$pages" -eq 3 ] || fail "$pages pages in a minute"
grep -q 'id="curves"' page || fail "a page without the training so far"
kill -INT "$pid"
wait "$pid"
[ $? -eq 130 ] || fail "not stopped"
grep -q 'location.reload' $page && fail "a stopped run's page loads itself again"
"$ablate" run run.toml --out whole --set train.steps=200 > log 2>&1 || fail "a whole run"
grep -q 'location.reload\|http-equiv="refresh"' whole/x/report.html && fail "a finished run's page loads itself again"
"$ablate" report out/x > log 2>&1 || fail "the report of a stopped run"
grep -q 'location.reload' $page && fail "a page that was made by hand loads itself again"
echo "three pages while it ran, none that loads itself again afterwards"
