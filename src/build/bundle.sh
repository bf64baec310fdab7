#!/bin/sh
# bundle.sh ARCHIVE: packs what was built, its tests, a Java runtime and Open MPI into one .tar.gz that runs on a Linux
# x86-64 machine with none of these and without a network. Unpacked, it looks like a checkout after `make build`. gzip and
# not xz, which would save a third: every machine can unpack it.
set -eu
cd "$(dirname "$0")/../.."
archive=$1
limit_bytes=$((60 * 1024 * 1024))
jdk=$(cat target/java-home)
root=target/bundle/lockstep-bundle
build=$root/target
# What the GPU machine itself has: the driver's library and the CUDA toolkit's.
cuda='lib(cuda|cudart|cublas|cublasLt|nvrtc)\.so'
glibc='(ld-linux-x86-64|lib(c|m|dl|pthread|rt|resolv|util|anl|BrokenLocale|nss_[a-z]*))\.so'

die() {
    echo "lockstep: error: $*" >&2
    exit 2
}

copy_program() {
    cp -R lockstep LICENSE README.md jobs "$root"
    mkdir -p "$root/bench" "$root/src/main"
    cp -R bench/gpu bench/*.yaml "$root/bench"
    cp -R src/main/cuda "$root/src/main"
    cp -R target/lockstep.jar target/lib target/native target/commit target/test-classes target/test-lib "$build"
    # The one uses a library left out below; the other the module java.xml, 3 MB, for the sake of looking at HTML.
    rm "$build"/test-classes/dev/lockstep/ArchitectureTest* "$build"/test-classes/dev/lockstep/bench/ScalingReportTest*
    mkdir -p "$build/mpi" "$root/bin"
    cp target/mpi/mpi.jar target/mpi/version "$build/mpi"
    echo openmpi/lib >"$build/mpi/libdir"
    cp src/build/bundle-environment.sh "$build/environment.sh"
    cp src/build/bundle-mpirun.sh "$root/bin/mpirun"
    cp src/build/bundle-test-java.sh "$root/bin/test-java"
}

# Those of the JDK that the program and its tests use, and those that their libraries cannot do without. (jdeps names java.desktop
# and java.sql, too: Jackson, SnakeYAML and JUnit use them for features that are not used here.)
java_modules() {
    printf 'java.logging,java.management,jdk.unsupported,'
    "$jdk/bin/jdeps" --print-module-deps --ignore-missing-deps target/classes "$build/test-classes"
}

# Not compressed: the archive as a whole is.
copy_java() {
    [ -x "$jdk/bin/jlink" ] || die "$jdk has no jlink; install a whole JDK, as openjdk-17-jdk-headless"
    "$jdk/bin/jlink" --add-modules "$(java_modules)" --compress=0 --strip-java-debug-attributes \
        --no-header-files --no-man-pages --output "$build/java"
}

# What ranks on one machine need. Plugins for other networks and schedulers would bring their libraries along; and plm_rsh ends
# mpirun where there is no ssh.
copy_openmpi() {
    case $(cat target/mpi/version) in
        4.1.*) ;;
        *) die "a bundle takes Open MPI 4.1, and this is $(cat target/mpi/version)" ;;
    esac
    path() {
        ompi_info --parsable --path "$1" | sed -n "s/^path:$1://p"
    }
    mkdir -p "$build/openmpi/bin" "$build/openmpi/lib" "$build/openmpi/plugins" "$build/openmpi/share" "$build/openmpi/etc"
    cp "$(readlink -f "$(command -v mpirun)")" "$build/openmpi/bin/mpirun"
    cp -L "$(path bindir)/orted" "$build/openmpi/bin/orted"
    cp -L "$(path libdir)/libmpi_java.so" "$build/openmpi/lib"
    cp "$(path pkgdatadir)"/help-*.txt "$build/openmpi/share"
    for plugin in "$(path pkglibdir)"/mca_*.so; do
        case ${plugin##*/mca_} in
            *ofi* | *openib* | *psm* | *ucx* | *usnic* | *uct* | *cuda*) ;;
            plm_rsh.so | *slurm* | *gridengine* | *lsf* | *tm.so | *flux* | *jsm* | *alps* | *simulator* | *monitoring*) ;;
            sshmem_* | memheap_* | spml_* | scoll_* | atomic_* | io_* | fs_* | fbtl_* | fcoll_* | sharedfp_*) ;;
            *) cp -L "$plugin" "$build/openmpi/plugins" ;;
        esac
    done
    # Where PMIx is a library of its own it has plugins, too; without this one it warns.
    mkdir -p "$build/openmpi/pmix"
    pmix=$(ldd "$build"/openmpi/plugins/mca_pmix_*.so | awk '/libpmix\.so/ {print $3; exit}')
    plugin=$(dirname "$(readlink -f "${pmix:-/}")")/pmix/pmix_mca_pcompress_zlib.so
    [ ! -e "$plugin" ] || cp "$plugin" "$build/openmpi/pmix"
}

# elf_files FOLDER COMMAND: runs COMMAND on all programs and libraries in this FOLDER of the bundle.
elf_files() {
    (
        cd "$build"
        find "$1" -type f \( -name '*.so' -o -name '*.so.*' -o -path '*/bin/*' \) -exec sh -c "$2" sh {} + 2>/dev/null
    )
}

# copy_libraries FROM TO: what the files in FROM are linked to, directly or not, goes into TO; but for what the bundle has
# already, and for glibc's own and CUDA's libraries.
copy_libraries() {
    here=$PWD/$build
    path=$here/native:$here/java/lib:$here/java/lib/server:$here/libraries:$here/openmpi/lib:$here/cxx
    mkdir -p "$build/$2"
    elf_files "$1" "LD_LIBRARY_PATH=$path ldd \"\$@\"" | awk '$2 == "=>" {print $3, $1}' | sort -u |
        grep -Ev " ($cuda|$glibc)" | while read -r file name; do
            case $file in
                not) die "$name is needed by what is in target/$1, and not on this machine" ;;
                "$here"/*) ;;
                *) cp -L "$file" "$build/$2/$name" ;;
            esac
        done
}

# Of all that Open MPI needs, Debian 12's libevent alone asks for glibc 2.36, and that for arc4random alone. Its entry for that
# version is made one for the oldest version, where no glibc has arc4random: environment.sh preloads ours.
relax_libevent() {
    for library in "$build"/openmpi/lib/libevent_core-*; do
        [ "$(objdump -T "$library" | sed -n 's/.*(GLIBC_2\.36) *//p' | sort -u | tr '\n' ' ')" = "arc4random arc4random_buf " ] ||
            continue
        # Of such an entry bytes 0 to 3 are the hash of the version's name, bytes 8 to 11 say where the name is.
        oldest=$(version_entry "$library" GLIBC_2.2.5)
        newest=$(version_entry "$library" GLIBC_2.36)
        for offset in 0 8; do
            dd if="$library" of="$build/field" bs=1 count=4 skip=$((oldest + offset)) status=none
            dd if="$build/field" of="$library" bs=1 seek=$((newest + offset)) conv=notrunc status=none
        done
        rm "$build/field"
    done
    g++ -O2 -Wall -Wextra -Werror -fPIC -shared -Wl,--as-needed -o "$build/libraries/libarc4random.so" src/build/arc4random.cpp
}

# version_entry LIBRARY VERSION: where in the file the entry lies by which the LIBRARY asks for a VERSION.
version_entry() {
    offsets=$(readelf --version-info -W "$1" | awk -v version="$2" '
        /^Version needs section/ {inside = 1}
        inside && /Offset:/ {section = $4}
        inside && $2 == "Name:" && $3 == version {sub(":", "", $1); print section, $1}')
    [ "$(echo "$offsets" | wc -w)" = 2 ] || die "$1 does not ask once for $2"
    echo $((${offsets% *} + ${offsets#* }))
}

# needed_glibc FOLDER...: writes down the newest version of glibc that a file in the FOLDERs asks for.
needed_glibc() {
    for folder; do
        elf_files "$folder" 'readelf --version-info -W "$@"' | grep -o 'Name: GLIBC_2\.[0-9]*'
    done | sed 's/.*GLIBC_//' | sort -t . -k 2n | tail -n 1
}

echo "lockstep: bundling"
rm -rf target/bundle target/test-lib "$archive"
mkdir -p "$build"
JAVA_HOME=$jdk mvn -B -ntp -q -Dstyle.color=never test-compile dependency:copy-dependencies -DincludeScope=test \
    -DexcludeArtifactIds=mpi,cuda -DexcludeClassifiers=linux-x86_64 -DoutputDirectory=target/test-lib
for library in target/lib/*.jar; do
    rm -f "target/test-lib/${library##*/}"
done
rm -f target/test-lib/archunit-*.jar target/test-lib/slf4j-*.jar        # large, and for one test of the source's structure
copy_program
copy_java
copy_openmpi
mkdir -p "$build/cxx"
for library in libstdc++.so.6 libgcc_s.so.1; do
    cp -L "$(g++ -print-file-name=$library)" "$build/cxx/$library"
done
copy_libraries java libraries
copy_libraries native libraries
copy_libraries openmpi openmpi/lib
chmod -R u+w "$root"
relax_libevent
ln -s libmpi.so.40 "$build/openmpi/lib/libmpi.so"       # the Java bindings open it by this name
needed_glibc java native libraries >"$build/glibc"
needed_glibc openmpi >"$build/openmpi/glibc"
needed_glibc cxx >"$build/cxx/glibc"
tar -C target/bundle --sort=name --owner=0 --group=0 --numeric-owner -cf - lockstep-bundle | gzip >"$archive.new"
bytes=$(wc -c <"$archive.new")
[ "$bytes" -le "$limit_bytes" ] || die "the bundle has $bytes bytes, more than $limit_bytes: $archive.new"
mv "$archive.new" "$archive"
read -r glibc_version <"$build/glibc"
read -r mpirun_glibc_version <"$build/openmpi/glibc"
rm -rf target/bundle
echo "lockstep: $archive, $((bytes / 1024 / 1024)) MiB, for glibc $glibc_version or later (mpirun: $mpirun_glibc_version)"
