// What lets one kernel source serve the GPU and the CPU.
//
// KERNEL(name, (parameters)) opens a kernel; FOR_EACH(i, n) runs its body for every i in 0 ... n-1: on the GPU spread
// over the grid, on the CPU as a loop that the compiler vectorises for each instruction set in turn and that the caller
// splits over threads by calling the kernel on parts.
#pragma once

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
#define RESTRICT __restrict__
#define KERNEL(name, parameters) extern "C" __global__ void name parameters
#define FOR_EACH(i, n)                                                         \
    for (long i = blockIdx.x * (long) blockDim.x + threadIdx.x; i < (n); i += gridDim.x * (long) blockDim.x)
#else
#include <cmath>
#define RESTRICT __restrict__
#define KERNEL(name, parameters)                                                                         \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"))) static void name parameters
#define FOR_EACH(i, n) _Pragma("GCC ivdep") for (long i = 0; i < (n); ++i)
#endif
