// What lets one kernel source serve the GPU and the CPU.
//
// KERNEL(name, (parameters)) opens a kernel.
//
// FOR_EACH(i, n) runs its body for every i in 0 ... n-1: on the GPU spread over the grid, on the CPU as a loop that the
// compiler vectorises for each instruction set in turn and that the caller splits over threads by calling the kernel on
// parts.
//
// FOR_EACH_ROW(row, n) runs its body for every row, on the GPU by a block, FOR_EACH_IN_ROW(j, n) by the block's threads in
// turn; on the CPU both are loops. What the threads have found apart, row.h puts together.
//
// SUM_IN_ROW(j, n, sum...) is a FOR_EACH_IN_ROW that adds to the named sums, which the CPU takes over several elements at
// once. ONCE is for what a launch does once.
//
// FOR_EACH_GROUP(i, n) is a FOR_EACH for kernels that store where they load: they would load an element only once the
// one before is stored, and use half of the GPU's memory bandwidth. Its body loads several elements, in
// FOR_GROUP(k, i, n), element k of them being AT(i, k), and then computes and stores them in another FOR_GROUP.
#pragma once

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
#define LOCKSTEP_GPU
#define RESTRICT __restrict__
#define INLINE __device__ __forceinline__
#define KERNEL(name, parameters) extern "C" __global__ void name parameters
#define FOR_EACH(i, n)                                                         \
    for (long i = blockIdx.x * (long) blockDim.x + threadIdx.x; i < (n); i += gridDim.x * (long) blockDim.x)
#define GROUP 4
#define AT(i, k) ((i) + (k) * (gridDim.x * (long) blockDim.x))
#define FOR_EACH_GROUP(i, n) \
    for (long i = blockIdx.x * (long) blockDim.x + threadIdx.x; i < (n); i += GROUP * (gridDim.x * (long) blockDim.x))
#define FOR_GROUP(k, i, n)                  \
    _Pragma("unroll") for (int k = 0; k < GROUP; ++k) \
        if (AT(i, k) < (n))
#define FOR_EACH_ROW(row, n) for (long row = blockIdx.x; row < (n); row += gridDim.x)
#define FOR_EACH_IN_ROW(j, n) for (long j = threadIdx.x; j < (n); j += blockDim.x)
#define SUM_IN_ROW(j, n, ...) FOR_EACH_IN_ROW(j, n)
#define UNROLL(times) _Pragma("unroll")
#define ONCE if (blockIdx.x == 0 && threadIdx.x == 0)
// Where this thread begins in a row that has at least one element.
#define FIRST_IN_ROW(n) (threadIdx.x < (n) ? threadIdx.x : 0L)
// Whether FOR_EACH_IN_ROW gives element j to this thread.
#define OWNS_IN_ROW(j) ((j) % blockDim.x == threadIdx.x)
#else
#include <cmath>
#include <cstring>
#define RESTRICT __restrict__
#define INLINE inline __attribute__((always_inline))
#define KERNEL(name, parameters)                                                                         \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"))) static void name parameters
#define FOR_EACH(i, n) _Pragma("GCC ivdep") for (long i = 0; i < (n); ++i)
#define GROUP 1
#define AT(i, k) (i)
#define FOR_EACH_GROUP(i, n) FOR_EACH(i, n)
// No loop, which would keep the one around it from being vectorised.
#define FOR_GROUP(k, i, n) if (constexpr int k = 0; true)
#define FOR_EACH_ROW(row, n) for (long row = 0; row < (n); ++row)
#define FOR_EACH_IN_ROW(j, n) FOR_EACH(j, n)
#define PRAGMA(text) _Pragma(#text)
#define SUM_IN_ROW(j, n, ...) PRAGMA(omp simd reduction(+ : __VA_ARGS__)) for (long j = 0; j < (n); ++j)
#define UNROLL(times) PRAGMA(GCC unroll times)
#define ONCE
#define FIRST_IN_ROW(n) 0L
#define OWNS_IN_ROW(j) true
#endif

// The upper half of a float. Arithmetic is done in float: it converts by itself both ways.
struct bfloat16 {
    unsigned short bits;

    bfloat16() = default;

    // To nearest, ties to even; NaN stays NaN.
    INLINE bfloat16(float value) {
        unsigned word;
        memcpy(&word, &value, sizeof word);
        bits = (unsigned short) (value != value ? word >> 16 | 0x40 : (word + 0x7fff + (word >> 16 & 1)) >> 16);
    }

    INLINE operator float() const {
        const unsigned word = (unsigned) bits << 16;
        float value;
        memcpy(&value, &word, sizeof value);
        return value;
    }
};

// Of activations, logits and their gradients: the device's compute type, for which the kernels are compiled.
#ifdef COMPUTE_BFLOAT16
typedef bfloat16 real;
#else
typedef float real;
#endif
