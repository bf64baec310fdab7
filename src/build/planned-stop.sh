#!/bin/sh
# planned-stop.sh MPIRUN...: runs that; Ctrl-C asks the ranks to stop with a checkpoint, a second one ends them. mpirun
# itself would leave them one second: it is not to see the signal, and passes on USR1 instead.
hold_int="env --block-signal=INT"
$hold_int true 2>/dev/null || exec "$@"
$hold_int "$@" &
mpirun=$!
trap 'kill -TERM "$mpirun"' TERM
trap 'trap "kill -TERM $mpirun" INT; kill -USR1 "$mpirun"' INT
while kill -0 "$mpirun" 2>/dev/null; do
    wait "$mpirun"
done
wait "$mpirun"
