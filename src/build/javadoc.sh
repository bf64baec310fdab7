#!/bin/sh
# javadoc.sh FOLDER: writes the documentation of the public classes into FOLDER; a warning is an error. Tags that would
# only repeat a name or a sentence are not asked for (doclint's group "missing").
set -eu
out=$1
cd "$(dirname "$0")/../.."
rm -rf "$out"
"$(src/build/java-home.sh)/bin/javadoc" -quiet -Werror -Xdoclint:all,-missing -public -encoding UTF-8 -d "$out" \
    -windowtitle Lockstep -doctitle Lockstep -cp "target/lib/*:target/mpi/mpi.jar" -sourcepath src/main/java \
    -subpackages dev.lockstep
