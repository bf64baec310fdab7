#!/bin/sh
# Open MPI's mpirun, as the bundle brings it: for ranks on this machine.
die() {
    echo "mpirun: error: $*" >&2
    exit 2
}

self=$(readlink -f -- "$0")
build=${self%/bin/*}/target
. "$build/environment.sh"
require_glibc "$build/openmpi/glibc" "this bundle's Open MPI"
# Without it, as for a user without a name, PMIx would crash.
export HOME="${HOME:-/}"
exec "$build/openmpi/bin/mpirun" "$@"
