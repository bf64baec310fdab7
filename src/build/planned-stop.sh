#!/bin/sh
# planned-stop.sh MPIRUN...: runs that; Ctrl-C asks the ranks to stop with a checkpoint, a second one ends them. mpirun
# itself would leave them one second: it is not to see the signal, and passes on USR1 instead.
hold_int="env --block-signal=INT --ignore-signal=USR1"
$hold_int true 2>/dev/null || exec "$@"
$hold_int "$@" &
mpirun=$!
asking=
# Before mpirun has ranks, it passes on nothing. It says each time that it does.
ask() {
    pause=1
    while kill -USR1 "$mpirun"; do sleep $pause; pause=$((pause * 2)); done >/dev/null 2>&1
}
trap 'kill -TERM "$mpirun"' TERM
trap 'trap "kill -TERM $mpirun" INT; ask & asking=$!' INT
while
    wait "$mpirun"
    status=$?
    kill -0 "$mpirun" 2>/dev/null
do :; done
# Where a signal has cut the wait short just as mpirun ended. Else some shells have forgotten it, and say 127.
wait "$mpirun" 2>/dev/null
again=$?
[ "$again" = 127 ] || status=$again
[ -z "$asking" ] || kill "$asking" 2>/dev/null
exit "$status"
