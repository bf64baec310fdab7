#!/bin/sh
# A Slurm cluster of two nodes on this machine, from Debian's packages unpacked into target/slurm: nothing is installed, and
# a Slurm that this machine has is neither used nor touched. node1 and node2 have process numbers, host names and
# networks of their own, joined by a virtual cable, so that they share with this machine only its disks, cores and memory,
# and end as a whole with their first process. To Slurm each has two GPUs, which are none. Needs root.
#
#   cluster.sh start             starts it, after ending one that runs; returns when both nodes are idle. Status 3: there can
#                                be none on this machine, and why
#   cluster.sh run COMMAND...    runs a command on node1: cluster.sh run sbatch slurm/train.sbatch JOB.yaml
#   cluster.sh logs              the ends of the daemons' logs
#   cluster.sh stop              ends it and whatever it runs
set -eu
self=$(cd "$(dirname "$0")" && pwd)/cluster.sh
state=${self%/src/test/*}/target/slurm
packages=$state/packages
libraries=$packages/usr/lib/x86_64-linux-gnu
log=$state/log
# Should nobody stop it.
limit_seconds=1800
start_seconds=30

die() {
    echo "cluster.sh: $*" >&2
    exit 1
}

environment() {
    export PATH="$packages/usr/bin:$packages/usr/sbin:/usr/sbin:/sbin:$PATH" SLURM_CONF="$state/slurm.conf"
    export LD_LIBRARY_PATH="$libraries/slurm-wlm:$libraries"
    # Open MPI's sockets and session folders.
    export TMPDIR="$state/tmp"
}

# Status 3: here there can be no cluster.
impossible() {
    echo "a Slurm cluster $*" >&2
    exit 3
}

require_means() {
    [ "$(id -u)" = 0 ] || impossible "takes root"
    for tool in ip unshare nsenter setsid; do
        command -v "$tool" >/dev/null || impossible "takes the program $tool"
    done
    unshare --pid --fork --kill-child --net --uts --ipc --mount ip link add one type veth peer name other 2>/dev/null ||
        impossible "takes namespaces and virtual networks, which are not allowed here"
}

fetch_packages() {
    [ ! -e "$packages/complete" ] || return 0
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || impossible "takes Debian's packages and apt"
    rm -rf "$packages" "$state/archives"
    mkdir -p "$packages" "$state/archives"
    (
        cd "$state/archives"
        download || { apt-get -q update && download; }
    ) >"$state/packages.log" 2>&1 ||
        impossible "takes packages that cannot be fetched: $(grep '^E:' "$state/packages.log" | tail -n 1)"
    for archive in "$state"/archives/*.deb; do
        dpkg-deb -x "$archive" "$packages"
    done
    touch "$packages/complete"
}

# As Debian's alternatives do; Slurm's daemons go by the names that they are called by.
name_daemons() {
    for daemon in slurmctld slurmd slurmstepd; do
        ln -sf "$daemon-wlm" "$packages/usr/sbin/$daemon"
    done
}

download() {
    apt-get -q -o APT::Sandbox::User=root download slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge libmunge2 \
        liblua5.1-0
}

configure() {
    # Numbers that the cluster before has not given: what jobs leave on this machine may bear them.
    first_job=$(($(date +%s) % 10000000 + 1))
    cat >"$state/slurm.conf" <<CONF
ClusterName=lockstep-test
SlurmctldHost=node1(10.77.0.1)
GresTypes=gpu
NodeName=node1 NodeAddr=10.77.0.1 CPUs=4 Gres=gpu:2 State=UNKNOWN
NodeName=node2 NodeAddr=10.77.0.2 CPUs=4 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES PriorityTier=1 GraceTime=30
PartitionName=urgent Nodes=ALL PriorityTier=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
FirstJobId=$first_job
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket=/run/munge.socket,cred_expire=5
PluginDir=$libraries/slurm-wlm
StateSaveLocation=$state/controller
SlurmdSpoolDir=$state/%n
TmpFS=$state/tmp/%n
SlurmctldLogFile=$log/slurmctld.log
SlurmdLogFile=$log/%n.log
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/%n.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
KillWait=15
ReturnToService=2
MpiDefault=none
CONF
    # Two on each node, which Slurm calls 0 and 1 whatever their names. It asks what kind of files they are, and does not open
    # them.
    for number in 0 1; do
        ln -sf /dev/null "$state/gpu$number"
    done
    echo "NodeName=node[1-2] Name=gpu File=$state/gpu[0-1]" >"$state/gres.conf"
    # Not used; but what Slurm would choose itself may not work on this machine.
    echo CgroupPlugin=cgroup/v1 >"$state/cgroup.conf"
}

# The first process of all, on node1.
node1() {
    mount -t proc proc /proc
    mount -t tmpfs -o mode=755 tmpfs /run
    hostname node1
    ip netns add node2
    ip link add to-node2 type veth peer name to-node1 netns node2
    connect to-node2 10.77.0.1
    environment
    (umask 077 && head -c 1024 /dev/urandom >/run/munge.key)
    munged --force --foreground --socket /run/munge.socket --key-file /run/munge.key --log-file "$log/munged.log" \
        --pid-file /run/munged.pid --seed-file /run/munge.seed &
    slurmctld -D -c &
    ip netns exec node2 unshare --uts "$self" node2 &
    start_slurmd node1 &
    sleep "$limit_seconds" &
    wait "$!"
}

node2() {
    hostname node2
    connect to-node1 10.77.0.2
    environment
    start_slurmd node2
}

connect() {
    ip link set lo up
    ip address add "$2/24" dev "$1"
    ip link set "$1" up
}

start_slurmd() {
    exec slurmd -D -N "$1" -d "$packages/usr/sbin/slurmstepd"
}

start() {
    stop
    rm -rf "$log" "$state/controller" "$state/tmp" "$state/node1" "$state/node2"
    mkdir -p "$log" "$state/controller" "$state/tmp/node1" "$state/tmp/node2" "$state/node1" "$state/node2"
    configure
    setsid unshare --pid --fork --kill-child --net --uts --ipc --mount "$self" node1 </dev/null >"$log/start.log" 2>&1 &
    echo "$!" >"$state/pid"
    tries=$((start_seconds * 5))
    while [ "$(run sinfo -h -p main -t idle -o %D 2>/dev/null)" != 2 ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { logs >&2; stop; die "not idle after $start_seconds seconds; the logs are above"; }
        sleep 0.2
    done
}

# Its number on this machine, or none. A number that was noted may by now be another process's.
first_process() {
    noted=$(cat "$state/pid" 2>/dev/null) || return 0
    for child in $(cat "/proc/$noted/task/$noted/children" 2>/dev/null); do
        ! tr '\0' ' ' <"/proc/$child/cmdline" | grep -qF "$self node1" || echo "$child"
    done
}

run() {
    pid=$(first_process)
    [ -n "$pid" ] || die "the cluster does not run"
    environment
    nsenter --target "$pid" --pid --net --uts --ipc --mount --wdns="$PWD" "$@"
}

logs() {
    for file in "$log"/*; do
        [ ! -s "$file" ] || { echo "== $file"; tail -n 40 "$file"; }
    done
}

stop() {
    pid=$(first_process)
    [ -n "$pid" ] || return 0
    kill -KILL "$pid"
    # The kernel ends all others before this one is gone.
    while [ -e "/proc/$pid" ]; do
        sleep 0.1
    done
}

command=${1:-}
case $command in
    start) require_means; fetch_packages; name_daemons; start ;;
    run) shift; run "$@" ;;
    logs | stop | node1 | node2) "$command" ;;
    *) sed -n '2,/^set /s/^# \{0,1\}//p' "$self" >&2; exit 2 ;;
esac
