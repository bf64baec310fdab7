#!/bin/sh
# test-java CLASS ARGUMENT...: runs a class of the bundle's tests, with the program and the tests in the class path:
#   bin/test-java dev.lockstep.testing.TestRun dev.lockstep.device.cpu      all tests of a package; or of one class
die() {
    echo "test-java: error: $*" >&2
    exit 2
}

self=$(readlink -f -- "$0")
home=${self%/bin/*}
build=$home/target
. "$build/environment.sh"
exec "$build/java/bin/java" -Xmx1g -XX:+UseSerialGC -Xshare:auto -Xlog:disable -Xlog:all=error:stderr \
    -Djava.library.path="$build/native" -Dlockstep.native="$build/native" -Dlockstep.home="$home" \
    -Dorg.bytedeco.javacpp.pathsFirst=true -Dorg.bytedeco.javacpp.cacheLibraries=false \
    -Dorg.bytedeco.javacpp.canCreateSymbolicLink=false \
    -Dorg.bytedeco.javacpp.maxBytes=0 -Dorg.bytedeco.javacpp.maxPhysicalBytes=0 \
    -cp "$build/lockstep.jar:$build/test-classes:$build/mpi/mpi.jar:$build/lib/*:$build/test-lib/*" "$@"
