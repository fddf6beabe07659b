#!/usr/bin/env bash
# handles.sh ABLATE LAYER_FOLDER: every kind of Vulkan call fails once, early and late in a run, and steps are given up while the device works. The run ends
# with a line, its other points go on, nothing is left over, and nothing goes that the device may still touch: a layer (tests/faults/layer.cpp) counts.
set -u
source "$(dirname "${BASH_SOURCE[0]}")/tiny_training.sh"
ablate=$1 dir=$(mktemp -d) failed=0 done=0
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export VK_LAYER_PATH=$2 ABLATE_CACHE=$dir/cache ABLATE_FAULT_REPORT=$dir/report
tiny_training 'steps = 3' '[[variant]]' 'name = "first"' '[[variant]]' 'name = "second"' > x.toml
right() { echo "$1"; done=$((done + 1)); }
wrong() { echo "FAILED $1"; failed=$((failed + 1)); }
broken() { VK_INSTANCE_LAYERS=VK_LAYER_ABLATE_faults "$@"; }

# The layer sees what a healthy run does, and has nothing to say about it.
: > report
if broken "$ablate" run x.toml --out healthy > log 2>&1 && [ ! -s report ]; then right "a healthy run"; else wrong "a healthy run: $(tail -n 1 log; cat report)"; fi

for call in vkCreateBuffer vkAllocateMemory vkBindBufferMemory vkMapMemory vkCreateCommandPool vkAllocateCommandBuffers vkBeginCommandBuffer vkEndCommandBuffer \
  vkCreateFence vkQueueSubmit vkWaitForFences vkResetFences vkCreateShaderModule vkCreatePipelineLayout vkCreateComputePipelines vkCreatePipelineCache \
  vkGetPipelineCacheData; do
  met=0
  for n in 1 2 3 5 8 13; do
    : > report
    rm -rf out cache
    ABLATE_FAULT_CALL=$call:$n broken "$ablate" run x.toml --out out > log 2>&1
    code=$?
    if grep -q "^failed $call:$n" report; then met=1; else break; fi                     # not called so often
    if [ "$(cat report)" != "failed $call:$n" ]; then wrong "$call:$n: $(tail -n +2 report | head -n 1)"
    elif [ "$code" -gt 3 ]; then wrong "$call:$n: exit $code"
    elif [ "$code" -ne 0 ] && ! grep -q "$call" log out/x/results.json 2> /dev/null; then wrong "$call:$n: exit $code and nobody names the call"
    else done=$((done + 1)); fi
  done
  [ "$met" -eq 1 ] && right "$call fails" || wrong "$call: the layer never made it fail"
done

# Profiles measure with queries.
: > report
ABLATE_FAULT_CALL=vkCreateQueryPool:1 broken "$ablate" run x.toml --out profiled --profile > log 2>&1
if [ "$(cat report)" = "failed vkCreateQueryPool:1" ]; then right "vkCreateQueryPool fails"; else wrong "vkCreateQueryPool: $(cat report)"; fi

# No device, from a driver that fails to find one: what to do, and a plan all the same.
none() { ABLATE_FAULT_CALL=vkEnumeratePhysicalDevices:1 broken "$ablate" "$@" > log 2>&1; }
for command in devices "run x.toml --out none" bench "run x.toml --out none --devices all" shaders\ --compile; do
  none $command
  code=$?
  if [ "$code" -eq 3 ] && [ "$(grep -c 'find no device' log)" -eq 1 ] && [ "$(wc -l < log)" -eq 1 ]; then right "no device: $command: exit 3"
  else wrong "no device: $command: exit $code, $(cat log)"; fi
done
[ -e none ] && wrong "no device: a folder was made"
if none check x.toml && grep -q "first" log && grep -q "no figures: .*find no device" log; then right "no device: check lists the points"; else wrong "no device: check: $(cat log)"; fi
echo "$done checks, $failed failed"
[ "$failed" -eq 0 ]
