#!/bin/sh
# Puts the Java bindings of the Open MPI in PATH into target/mpi: mpi.jar, version (4.1.4) and libdir, the directory of
# libmpi_java.so. Where the installation has the jar, it is copied. Debian's and Ubuntu's leave it out: there it is
# compiled from the source package of the installed binary, which apt fetches and verifies. The apt configuration is
# only read.
set -eu
cd "$(dirname "$0")/../.."
out=target/mpi
mkdir -p "$out"

die() {
    echo "lockstep: error: $*" >&2
    exit 2
}

version=$(mpirun --version | sed -n '1s/^mpirun (Open MPI) \([0-9.]*\).*/\1/p')
case $version in
    4.1.* | 5.0.*) ;;
    '') die "$(command -v mpirun) is not Open MPI's; put an Open MPI 4.1 or 5.0 first in PATH" ;;
    *) die "Open MPI $version ($(command -v mpirun)) is not supported; put an Open MPI 4.1 or 5.0 first in PATH" ;;
esac
libdir=$(ompi_info --parsable --path libdir | sed -n 's/^path:libdir://p')
[ -e "$libdir/libmpi_java.so" ] ||
    die "Open MPI $version has no Java bindings in $libdir; use one that was configured with --enable-mpi-java"

if [ -s "$out/mpi.jar" ] && [ "$(cat "$out/version" "$out/libdir" 2>/dev/null)" = "$version
$libdir" ]; then
    exit 0
fi

# The machine's own sources as deb-src, in both of apt's formats.
source_list() {
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] && sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$file"
    done >"$1/from-lists.list"
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] && sed 's/^Types:.*/Types: deb-src/' "$file" && echo
    done >"$1/from-sources.sources"
    return 0
}

build_from_source_package() (
    source_version=$(dpkg-query -W -f '${source:Version}' libopenmpi-dev)
    work=$PWD/$out/source
    rm -rf "$work"
    mkdir -p "$work/sources" "$work/lists/partial" "$work/cache/archives/partial" "$work/classes"
    source_list "$work/sources"
    apt() {
        # As root apt would switch to a user that may not reach this directory.
        apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/sources" \
            -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" \
            -o Acquire::Languages=none "$@" </dev/null >>"$work/log" 2>&1
    }
    echo "lockstep: building mpi.jar from the source package openmpi $source_version"
    cd "$work"
    apt update || true      # somebody else's source may be out of reach; the next line tells whether it mattered
    apt source --download-only "openmpi=$source_version" ||
        { tail -n 5 "$work/log" >&2; die "apt could not fetch the source package openmpi $source_version ($work/log)"; }
    tar -xf openmpi_*.orig.tar.* --wildcards '*/ompi/mpi/java/java/*.java' ||
        die "cannot unpack the source package in $work; is xz-utils installed?"
    jdk=$(../../../src/build/java-home.sh)
    "$jdk/bin/javac" --release 17 -nowarn -proc:none -Xlint:none -encoding UTF-8 -d classes \
        openmpi-*/ompi/mpi/java/java/*.java >>"$work/log" 2>&1 ||
        { tail -n 20 "$work/log" >&2; die "the Java bindings of Open MPI $version do not compile ($work/log)"; }
    "$jdk/bin/jar" --create --file mpi.jar -C classes .
)

if [ -r "$libdir/mpi.jar" ]; then
    cp "$libdir/mpi.jar" "$out/mpi.jar.new"
elif command -v apt-get >/dev/null && [ "$(dpkg-query -W -f '${db:Status-Status}' libopenmpi-dev 2>/dev/null)" = installed ]; then
    build_from_source_package
    mv "$out/source/mpi.jar" "$out/mpi.jar.new"
    rm -rf "$out/source"
else
    die "Open MPI $version has no mpi.jar in $libdir; install its Java bindings"
fi
mv "$out/mpi.jar.new" "$out/mpi.jar"
echo "$version" >"$out/version"
echo "$libdir" >"$out/libdir"
