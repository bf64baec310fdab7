#!/bin/sh
# mpirun.sh NP COMMAND...: starts NP ranks on this machine, each bound to its share of the cores.
set -eu
np=$1
shift
case $np in
    '' | *[!0-9]* | 0) echo "lockstep: error: NP is '$np'; give a number of ranks from 1 on" >&2; exit 2 ;;
esac
# Cores that this process may use, hardware threads of one core counted once.
threads_per_core=$(LC_ALL=C lscpu | sed -n 's/^Thread(s) per core: *//p')
# nproc obeys OpenMP's variables, which are about threads within a rank.
cores=$(($(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc) / ${threads_per_core:-1}))
if [ "$(id -u)" = 0 ]; then
    # mpirun refuses root otherwise; in containers there is often nobody else.
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
if [ "$np" -gt "$cores" ]; then
    exec mpirun -np "$np" --oversubscribe --bind-to none "$@"
fi
exec mpirun -np "$np" --map-by "slot:PE=$((cores / np))" "$@"
