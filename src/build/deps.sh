#!/bin/sh
# Installs what the build and the program need, where it is missing: deps.sh [PACKAGE]...
# PACKAGEs are Debian packages wanted on top. On Debian and Ubuntu apt installs (through sudo where needed); elsewhere
# the missing things are named and the exit status is 2. What is there already, from wherever, is left as it is.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p target data
log=target/deps.log

die() {
    echo "lockstep: error: $*" >&2
    exit 2
}

# Debian's packages for what is missing, one per line.
missing() {
    src/build/java-home.sh >/dev/null || jdk_package
    command -v mvn >/dev/null || echo maven
    command -v g++ >/dev/null || echo g++
    if ! command -v mpirun >/dev/null; then
        echo openmpi-bin
        echo libopenmpi-dev
    elif [ ! -e "$(mpi_library_directory)/libmpi_java.so" ] && is_packaged "$(command -v mpirun)"; then
        echo libopenmpi-dev
    fi
    [ -e target/mpi/mpi.jar ] || command -v xz >/dev/null || echo xz-utils
    [ -e data/fashion-mnist ] || [ -d /usr/share/datasets/fashion-mnist ] || echo dataset-fashion-mnist
    for package; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done
}

jdk_package() {
    if ! command -v apt-cache >/dev/null || apt-cache show openjdk-17-jdk-headless >/dev/null 2>&1 \
            || ! apt-cache show default-jdk-headless >/dev/null 2>&1; then
        echo openjdk-17-jdk-headless
    else
        echo default-jdk-headless
    fi
}

is_packaged() {
    dpkg-query -S "$(readlink -f "$1")" >/dev/null 2>&1
}

mpi_library_directory() {
    ompi_info --parsable --path libdir 2>/dev/null | sed -n 's/^path:libdir://p'
}

install() {
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
        install --no-install-recommends $packages </dev/null >>"$log" 2>&1
}

packages=$(missing "$@" | tr '\n' ' ')
if [ -n "$packages" ]; then
    command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
        die "missing: ${packages}(by Debian's names); install them with this system's package manager"
    sudo=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || die "missing: ${packages}(neither root nor sudo here: have an administrator install them)"
        sudo=sudo
    fi
    echo "lockstep: installing $packages"
    # The package lists are fetched only where they are absent or out of date. A source of somebody else's that cannot
    # be reached fails the update, but not what follows.
    if ! install; then
        $sudo apt-get -q -o DPkg::Lock::Timeout=300 update </dev/null >>"$log" 2>&1 || true
        install || { tail -n 20 "$log" >&2; die "apt-get could not install ${packages}(all of its output: $log)"; }
    fi
    still_missing=$(missing "$@" | tr '\n' ' ')
    [ -z "$still_missing" ] || die "still missing after installing it: $still_missing"
fi

[ -e data/fashion-mnist ] || ln -sfn /usr/share/datasets/fashion-mnist data/fashion-mnist
src/build/mpi-jar.sh
