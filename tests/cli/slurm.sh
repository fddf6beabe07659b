#!/usr/bin/env bash
# slurm.sh ABLATE: scale.sh on a Slurm cluster of this machine alone, which is started for it and stopped after it. Needs root and Debian's slurm-wlm;
# touches none of the system's own Slurm.
set -eu
ablate=$1 folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) dir=$(mktemp -d)
export SLURM_CONF=$dir/slurm.conf
cat > "$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$(hostname)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/none
CredType=cred/none
SlurmUser=root
StateSaveLocation=$dir/controller
SlurmdSpoolDir=$dir/node
SlurmctldPidFile=$dir/controller.pid
SlurmdPidFile=$dir/node.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
NodeName=$(hostname) CPUs=$(nproc)
PartitionName=all Nodes=ALL Default=YES
CONF
mkdir "$dir/controller" "$dir/node"
slurmctld -D > "$dir/controller.log" 2>&1 &
controller=$!
slurmd -D > "$dir/node.log" 2>&1 &
node=$!
trap 'kill $node $controller; wait; rm -rf "$dir"' EXIT
for _ in $(seq 100); do sinfo --noheader 2> /dev/null | grep -q idle && break; sleep 0.1; done
sinfo --noheader | grep -q idle || { cat "$dir"/*.log; exit 1; }
"$folder/scale.sh" "$ablate"
