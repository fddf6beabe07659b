#!/usr/bin/env bash
# Includes point down only: a folder of engine/ may include itself and what stands to the right of it here, and only vulkan/ knows Vulkan.
set -u
cd "$1/engine" || exit 1
declare -A below=(
  [base]=""
  [collective]="base"
  [formats]="base"
  [fetch]="base"
  [results]="base"
  [report]="results base"
  [vulkan]="base"
  [graph]="vulkan base"
  [ops]="graph vulkan base"
  [model]="ops graph vulkan base"
  [train]="collective model ops graph vulkan base"
  [probe]="model ops graph vulkan base"
  [experiment]="report results train probe collective model ops graph vulkan base"
)
failed=0
for folder in */; do
  folder=${folder%/}
  [ -v "below[$folder]" ] || { echo "engine/$folder is no layer that this test knows"; failed=1; continue; }
  while IFS=: read -r file line text; do
    included=${text#*\"}; included=${included%%\"*}; layer=${included%%/*}
    [ -v "below[$layer]" ] || continue
    [[ " $folder ${below[$folder]} " == *" $layer "* ]] || { echo "engine/$file:$line: $folder includes $included, which is not below it"; failed=1; }
  done < <(grep -rnE '^ *# *include "[a-z0-9_]+/' "$folder")
done
stray=$(grep -rnlE '# *include <(vulkan|volk)' . | grep -v '^./vulkan/')
[ -z "$stray" ] || { echo "only engine/vulkan may include Vulkan's headers: $stray"; failed=1; }
# One file opens connections, and no other folder can reach it.
stray=$(grep -rnlE '# *include <(curl/|sys/socket|netinet|netdb|winsock)' . | grep -vx './fetch/http.cpp')
[ -z "$stray" ] || { echo "only engine/fetch/http.cpp may use a network: $stray"; failed=1; }
stray=$(grep -rnlE '# *include <mpi.h' . | grep -v '^./collective/mpi/')
[ -z "$stray" ] || { echo "only engine/collective/mpi may know MPI: $stray"; failed=1; }
exit $failed
