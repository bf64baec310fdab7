# Part of every program of a bundle: ./lockstep and bin/mpirun source it as target/environment.sh, with `build` set to that
# folder and with a function `die`. It makes them use the bundle's own Java, Open MPI and libraries.

# require_glibc FILE WHAT: FILE holds the version that WHAT needs. Since 2.33 glibc's loader says its version itself:
# "ld.so (Debian GLIBC 2.36-9) stable release version 2.36."
require_glibc() {
    read -r needed <"$1"
    version=$(/lib64/ld-linux-x86-64.so.2 --version 2>/dev/null) ||
        die "$2 needs Linux x86-64 with glibc $needed or later; here is an older one, or none. Build it on this machine"
    version=${version#*release version }
    minor=${version#*.}
    minor=${minor%%[!0-9]*}
    [ "${minor:-0}" -ge "${needed#*.}" ] ||
        die "$2 needs glibc $needed or later; this machine has ${version%%.*}.$minor. Build it on this machine"
}

# The machine's own C++ library, where it has one, is newer than its glibc needs it to be; ours needs a newer glibc than the rest.
has_cxx_library() {
    for folder in /usr/lib/x86_64-linux-gnu /lib/x86_64-linux-gnu /usr/lib64 /lib64 /usr/lib; do
        [ -e "$folder/libstdc++.so.6" ] && return 0
    done
    return 1
}

if [ "${LOCKSTEP_BUNDLE-}" != "$build" ]; then
    require_glibc "$build/glibc" "this bundle"
    libraries=$build/libraries:$build/openmpi/lib
    if ! has_cxx_library; then
        require_glibc "$build/cxx/glibc" "this bundle, where there is no libstdc++.so.6,"
        libraries=$libraries:$build/cxx
    fi
    # Whatever Java or Open MPI the machine has: the bundle's parts are built for each other.
    export LOCKSTEP_BUNDLE="$build" JAVA_HOME="$build/java"
    export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    export LD_PRELOAD="$build/libraries/libarc4random.so${LD_PRELOAD:+:$LD_PRELOAD}"     # for libevent, below Open MPI
    export OPAL_PREFIX="$build/openmpi" OPAL_BINDIR="$build/openmpi/bin" OPAL_LIBDIR="$build/openmpi/lib" \
        OPAL_PKGLIBDIR="$build/openmpi/plugins" OPAL_PKGDATADIR="$build/openmpi/share" \
        OPAL_SYSCONFDIR="$build/openmpi/etc" PMIX_PREFIX="$build/openmpi" PMIX_PKGLIBDIR="$build/openmpi/pmix"
fi
