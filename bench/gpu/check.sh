#!/bin/sh
# check.sh [--device cpu] [--output FOLDER]: tests and measures an unpacked bundle on this machine's GPU within 9 minutes.
#
# Prints a table and, as the last line, one JSON object, which goes into FOLDER/gpu-check.json, too, beside a log of each
# command; FOLDER is gpu-check-DATE-TIME if not given. A part that fails does not stop the others; the exit status is then 1.
# Without a GPU it ends with status 2, except with `--device cpu`: a rehearsal of all parts, small, on the CPU backend.
#
#   CUDA_HOME   where CUDA 13's libraries are, if not in a usual place
#   PYTHON      the Python that has PyTorch; default: the python3 in PATH. Where there is none, these figures are null.
home=$(readlink -f -- "$0")
home=${home%/bench/gpu/*}
if [ ! -r "$home/target/environment.sh" ]; then
    echo "lockstep: error: $home is no bundle; run 'make gpu-check', or this script in an unpacked bundle" >&2
    exit 2
fi
# Where the only whole CUDA 13 is the one that PyTorch's packages bring, that one is used: some machines have the runtime alone.
has_cuda() {
    for toolkit in /usr/local/cuda*; do
        ls "$toolkit/lib64/libcudart.so.13" "$toolkit/lib64/libcublasLt.so.13" "$toolkit/lib64/libcublas.so.13" \
            "$toolkit/lib64/libnvrtc.so.13" >/dev/null 2>&1 && return 0
    done
    return 1
}
if [ -z "${CUDA_HOME-}" ] && ! has_cuda; then
    cuda=$("${PYTHON:-python3}" -c 'import nvidia.cu13; print(list(nvidia.cu13.__path__)[0])' 2>/dev/null) &&
        export CUDA_HOME="$cuda"
fi
# The check ends by itself in time. This is for a machine where even that fails.
exec timeout -k 5 538 "$home/bin/test-java" dev.lockstep.gpucheck.GpuCheck "$@"
