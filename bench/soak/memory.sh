#!/bin/bash
# memory.sh [MINUTES [JOB [RANKS]]]: trains JOB (jobs/fashion-mnist.yaml) for MINUTES (10, at least 3) with evaluation after
# each epoch and a checkpoint a minute, and says how the ranks' resident memory has grown since the end of the second
# minute: the first checkpoint, at the end of the first, needs memory that is kept. Exit status 1 where one has grown by
# 1 % or more.
set -u
minutes=${1:-10} job=${2:-jobs/fashion-mnist.yaml} ranks=${3:-2}
case $minutes in
    '' | *[!0-9]* | 0* | [12])
        echo "memory: MINUTES is '$minutes'; give 3 or more: growth counts from the end of the second on" >&2
        exit 2
        ;;
esac
home=$(cd "$(dirname "$0")/../.." && pwd)
. "$home/bench/soak/processes.sh"
results=$home/bench/results/memory
rm -rf "$results"
mkdir -p "$results"

"$home/src/build/mpirun.sh" "$ranks" "$home/lockstep" train "$job" --output "$results/run" --set train.epochs=1000000 \
    --set checkpoint.every-minutes=1 >"$results/log" 2>&1 &
mpirun=$!
trap 'kill $mpirun 2>/dev/null' EXIT

# "PID kB" of each rank
sample() {
    for pid in $(ranks_with "train $job --output $results/run"); do
        echo "$pid $(sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$pid/status")"
    done
}

for second in $(seq 5 5 $((minutes * 60))); do
    sleep 5
    kill -0 "$mpirun" 2>/dev/null || { tail -n 5 "$results/log" >&2; echo "memory: the run has ended" >&2; exit 1; }
    [ "$second" -ge 120 ] || continue
    samples=$(sample)
    [ -n "$samples" ] || { echo "memory: no rank was found, though the run goes on" >&2; exit 1; }
    echo "$samples" | sed "s/^/$second /" >>"$results/samples"
done
kill -USR1 "$mpirun"
wait "$mpirun"
trap - EXIT
grep '"kind":"epoch"' "$results/run/metrics.jsonl" | tail -n 1 | sed 's/.*"epoch":\([0-9]*\),"step":\([0-9]*\).*/epoch \1, step \2/'
awk -v minutes="$minutes" '
    !($2 in first) { first[$2] = $3 }
    { last[$2] = $3; if ($3 > most[$2] + 0) most[$2] = $3 }
    END {
        for (pid in first) {
            growth = 100 * (last[pid] / first[pid] - 1)
            printf "rank of pid %d: %.1f MiB after 2 minutes, %.1f after %d (%+.2f %%), at most %.1f\n", pid,
                first[pid] / 1024, last[pid] / 1024, minutes, growth, most[pid] / 1024
            if (growth >= 1) grown = 1
        }
        exit grown
    }' "$results/samples"
