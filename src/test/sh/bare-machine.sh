#!/bin/sh
# bare-machine.sh BUNDLE FOLDER COMMAND: unpacks the archive BUNDLE into FOLDER, unless it is there already, and runs COMMAND by sh
# in the unpacked bundle, in a root file system that holds beside it only a shell, a few of coreutils' programs and glibc.
set -eu
bundle=$1
root=$2
command=$3
tools='sh cat env ls mkdir mktemp readlink rm sleep timeout'
glibc='ld-linux-x86-64.so.2 libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libresolv.so.2 libutil.so.1'

if [ ! -d "$root" ]; then
    mkdir -p "$root/bin" "$root/lib64" "$root/tmp" "$root/proc" "$root/sys" "$root/dev"
    ln -s lib64 "$root/lib"
    for tool in $tools; do
        cp -L "$(command -v "$tool")" "$root/bin/$tool"
        ldd "$root/bin/$tool" | awk '$2 == "=>" {print $3}' | while read -r library; do
            cp -L "$library" "$root/lib64/"
        done
    done
    libc=$(ldd /bin/sh | awk '$1 == "libc.so.6" {print $3}')
    for library in $glibc; do
        cp -L "${libc%/*}/$library" "$root/lib64/"
    done
    tar -xzf "$bundle" -C "$root"
fi
# The kernel's own file systems are all that a machine has beside its disk.
exec unshare --user --map-root-user --mount sh -eu -c '
    root=$0
    for folder in proc sys dev; do
        mount --rbind "/$folder" "$root/$folder"
    done
    exec env -i PATH=/bin OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
        "$(command -v chroot)" "$root" /bin/sh -c "cd /lockstep-bundle && $1"
' "$root" "$command"
