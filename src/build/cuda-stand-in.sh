#!/bin/sh
# Builds the tests' stand-in for the CUDA libraries (src/test/native/cuda) into target/cuda-stand-in: lib64, with the
# names that the real libraries have, and include, which its NVRTC needs. Wants g++ and a JDK, and no CUDA.
set -eu
cd "$(dirname "$0")/../.."
sources=src/test/native/cuda
out=target/cuda-stand-in
jdk=$(src/build/java-home.sh)
rm -rf "$out"
mkdir -p "$out/lib64" "$out/include"
cp "$sources/device.h" "$sources/kernel_abi.h" "$out/include"

# library FOLDER SONAME FLAGS...
library() {
    folder=$1 soname=$2
    shift 2
    g++ -std=c++17 -fPIC -shared -pthread -U_FORTIFY_SOURCE -Wall -Wextra -Werror "-Wl,-soname,$soname" \
        '-Wl,-rpath,$ORIGIN' -o "$out/lib64/$soname" "$sources/$folder"/*.cpp "$@"
}

# versioned FOLDER SONAME CALLS FLAGS...: its symbols carry the version that JavaCPP's libraries ask for.
versioned() {
    map=$out/$2.map
    printf '%s { global: %s; local: *; };\n' "$2" "$3" >"$map"
    folder=$1 soname=$2
    shift 3
    library "$folder" "$soname" "-Wl,--version-script,$map" "$@" "$out/lib64/libcuda.so.1"
}

library cuda libcuda.so.1 -O2 "-I$jdk/include" "-I$jdk/include/linux" -ldl
versioned cudart libcudart.so.13 'cuda*' -O2
versioned cublas libcublas.so.13 'cublas*' -O2
versioned cublasLt libcublasLt.so.13 'cublasLt*' -O3
versioned nvrtc libnvrtc.so.13 'nvrtc*' -O1 -ldl
rm "$out"/*.map
