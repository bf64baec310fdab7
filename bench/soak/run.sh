#!/bin/bash
# run.sh [KILLS [RANKS [SEED]]]: kills a training run at KILLS (200) random moments, every third while a checkpoint is
# being written, resumes it each time, and holds the end against a run that was never killed: the parameters must be the
# same bit for bit, no checkpoint may be unreadable, and no process may be left. A kill takes about three seconds.
set -u
kills=${1:-200} ranks=${2:-2}
RANDOM=${3:-1}
home=$(cd "$(dirname "$0")/../.." && pwd)
. "$home/bench/soak/processes.sh"
results=$home/bench/results/soak
rm -rf "$results"
mkdir -p "$results"
cd "$results" || exit 2

fail() {
    echo "soak: $*; the run is in $results" >&2
    exit 1
}

cat >job.yaml <<'JOB'
name: soak
data:
  train: {format: synthetic, samples: 4000, features: 64, classes: 10}
  test: {format: synthetic, samples: 500, features: 64, classes: 10}
model: [linear: {in: 64, out: 512}, relu, linear: {in: 512, out: 10}]
optimizer:
  sgd: {lr: 0.01, momentum: 0.9}
train: {epochs: 60, batch-size: 24}
checkpoint: {every-steps: 11, keep: 2}
JOB

train() {
    "$home/src/build/mpirun.sh" "$ranks" "$home/lockstep" train "$results/job.yaml" --output "$results/$1" --resume
}

ranks_of_run() {
    ranks_with "train $results/job.yaml"
}

hash_of() {
    sed -n 's/.*"kind":"summary".*"parameters_sha256":"\([0-9a-f]*\)".*/\1/p' "$1/metrics.jsonl"
}

# One that is being written, if need be waited for; not for longer than a second.
await_writing() {
    for _ in $(seq 200); do
        compgen -G "$1/checkpoints/.writing-*" >/dev/null && return
        sleep 0.005
    done
}

# Killed while it starts, a rank can leave mpirun 4.1 without ranks and waiting for a lock of its own PMIx: that is ended here,
# and counted.
await_end() {
    local alone=0
    while kill -0 "$1" 2>/dev/null; do
        sleep 0.1
        if [ -n "$(ranks_of_run)" ]; then
            alone=0
        elif [ $((alone += 1)) -ge 300 ]; then
            touch "$results/hung"
            pkill -9 -P "$1"
        fi
    done
}

train whole >whole.log 2>&1 || fail "the run that nobody kills failed"
expected=$(hash_of whole)
[ -n "$expected" ] || fail "the run that nobody kills has no hash"
done_kills=0 ends=0 hung=0 run=run-1
while [ "$done_kills" -lt "$kills" ] || [ ! -e "$run.ended" ]; do
    if [ -e "$run.ended" ]; then
        run=run-$((ends + 1))
    fi
    train "$run" >"$run.log" 2>&1 &
    mpirun=$!
    if [ "$done_kills" -lt "$kills" ]; then
        sleep "$((RANDOM % 3)).$(printf %03d $((RANDOM % 1000)))"
        [ $((done_kills % 3)) = 2 ] && await_writing "$run"
        victims=$(ranks_of_run | shuf -n 1 --random-source=<(yes "$RANDOM"))
        [ -z "$victims" ] || { kill -9 $victims && done_kills=$((done_kills + 1)); } 2>/dev/null
    fi
    await_end "$mpirun"
    wait "$mpirun"
    status=$?
    # Ended by await_end, as the shell sees it.
    [ "$status" = 137 ] && [ -e "$results/hung" ] && rm "$results/hung" && hung=$((hung + 1))
    for _ in $(seq 50); do
        [ -z "$(ranks_of_run)" ] && break
        sleep 0.1
    done
    [ -z "$(ranks_of_run)" ] || fail "processes are left after kill $done_kills: $(ranks_of_run | tr '\n' ' ')"
    grep -q "is damaged" "$run.log" && fail "kill $done_kills left an unreadable checkpoint: $(grep damaged "$run.log")"
    if [ "$status" = 0 ]; then
        touch "$run.ended"
        ends=$((ends + 1))
        [ "$(hash_of "$run")" = "$expected" ] || fail "$run ended with other parameters after kill $done_kills"
    elif [ "$status" != 137 ]; then
        fail "$run ended with $status: $(grep 'lockstep: error' "$run.log")"
    fi
done
echo "soak: $done_kills kills in $ends runs of $ranks ranks: each ended with the parameters of one that nobody killed" \
    "($hung times mpirun itself hung after its ranks had ended)"
