#!/bin/sh
# run.sh [OPTION...]: `lockstep bench allreduce` beside the same loop in C; after `make build`. Options go to against_c.py.
set -eu
home=$(cd "$(dirname "$0")/../.." && pwd)

die() {
    echo "bench allreduce: error: $*" >&2
    exit 2
}

command -v mpicc >/dev/null || die "no mpicc in PATH; run 'make deps', or install Open MPI's development files"
python=$(command -v "${PYTHON:-python3}") || die "no python3 in PATH; install it, or name one with PYTHON"
[ -r "$home/target/native/liblockstep_cpu.so" ] || die "the program is not built in $home; run 'make build' there"
# Where the program's allocator finds its OpenMP, too.
mpicc -std=c11 -O2 -Wall -Wextra -Werror -o "$home/target/c-allreduce" "$home/bench/allreduce/allreduce.c" \
    -L"$home/target/native" -llockstep_cpu -Wl,-rpath,"$home/target/native"
exec "$python" "$home/bench/allreduce/against_c.py" "$@"
