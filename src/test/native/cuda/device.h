// What device code finds defined when nvrtc.cpp compiles it with the C++ compiler. Included in front of the program.
#pragma once

#include <climits>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "kernel_abi.h"

using std::isfinite;
using std::isinf;
using std::isnan;
using std::signbit;

// --- Declarations. __global__ stays as it is: nvrtc.cpp finds the kernels by it.
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __constant__ static const
// One block runs at a time on a thread of the machine. As on the GPU, a block finds what the last one left.
#define __shared__ static thread_local

namespace stand_in_kernel {

inline Runtime runtime;

inline Indices& here() {
    return *runtime.indices();
}

// Values travel between lanes as 64 bits.
template <class T>
unsigned long long pack(T value) {
    static_assert(sizeof(T) <= 8 && std::is_trivially_copyable<T>::value, "a shuffle takes values of up to 64 bits");
    unsigned long long bits = 0;
    memcpy(&bits, &value, sizeof value);
    return bits;
}

template <class T>
T from_lane(unsigned mask, T value, int source) {
    unsigned long long bits = runtime.exchange(mask, pack(value), source);
    memcpy(&value, &bits, sizeof value);
    return value;
}

inline int lane() {
    const Indices& i = here();
    return (int) ((i.thread.x + i.block_size.x * (i.thread.y + i.block_size.y * i.thread.z)) % 32);
}

// Entry<kernel> unpacks the arguments of a launch.
template <class F>
struct Signature;

template <class... P>
struct Signature<void (*)(P...)> {
    static constexpr int COUNT = sizeof...(P);
    static constexpr Parameter PARAMETERS[] = {{sizeof(P), std::is_pointer<P>::value}..., {0, false}};

    template <void (*F)(P...), size_t... I>
    static void call(void* const* arguments, std::index_sequence<I...>) {
        (void) arguments;
        F(*(P*) arguments[I]...);
    }

    template <void (*F)(P...)>
    static void run(void* const* arguments) {
        call<F>(arguments, std::index_sequence_for<P...>());
    }
};

template <auto F>
constexpr Kernel entry(const char* name) {
    using S = Signature<decltype(F)>;
    return {name, S::COUNT, S::PARAMETERS, S::template run<F>};
}

}  // namespace stand_in_kernel

#define threadIdx (stand_in_kernel::here().thread)
#define blockIdx (stand_in_kernel::here().block)
#define blockDim (stand_in_kernel::here().block_size)
#define gridDim (stand_in_kernel::here().grid_size)
constexpr int warpSize = 32;

// --- Barriers, shuffles, votes.
inline void __syncthreads() { stand_in_kernel::runtime.barrier(false); }
inline int __syncthreads_count(int predicate) { return (int) stand_in_kernel::runtime.barrier(predicate != 0); }
inline int __syncthreads_or(int predicate) { return stand_in_kernel::runtime.barrier(predicate != 0) != 0; }
inline int __syncthreads_and(int predicate) { return stand_in_kernel::runtime.barrier(predicate == 0) == 0; }
inline unsigned __ballot_sync(unsigned mask, int predicate) {
    return (unsigned) stand_in_kernel::runtime.exchange(mask, predicate != 0, -1);
}
inline void __syncwarp(unsigned mask = 0xFFFFFFFFu) { __ballot_sync(mask, 0); }
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate == 0) == 0; }

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
    int lane = stand_in_kernel::lane();
    return stand_in_kernel::from_lane(mask, value, lane / width * width + (source & (width - 1)));
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    int lane = stand_in_kernel::lane();
    return stand_in_kernel::from_lane(mask, value, lane % width < (int) delta ? lane : lane - (int) delta);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    int lane = stand_in_kernel::lane();
    return stand_in_kernel::from_lane(mask, value, lane % width + (int) delta >= width ? lane : lane + (int) delta);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
    int lane = stand_in_kernel::lane();
    int source = lane ^ bits;
    return stand_in_kernel::from_lane(mask, value, source / width > lane / width ? lane : source);
}

inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __trap() { stand_in_kernel::runtime.fail("__trap()"); }

// --- Atomics: kernels of other streams may run at the same time.
template <class T, class Change>
T stand_in_atomic(T* address, Change change) {
    using Bits = typename std::conditional<sizeof(T) == 4, unsigned, unsigned long long>::type;
    Bits before = __atomic_load_n((Bits*) address, __ATOMIC_SEQ_CST), after;
    T old, changed;
    do {
        memcpy(&old, &before, sizeof old);
        changed = change(old);
        memcpy(&after, &changed, sizeof after);
    } while (!__atomic_compare_exchange_n((Bits*) address, &before, after, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    return old;
}
#define STAND_IN_ATOMIC(T, name, result)                                     \
    inline T name(T* address, T value) {                                     \
        return stand_in_atomic(address, [=](T old) { return (T) (result); }); \
    }
#define STAND_IN_ATOMICS(T)                                            \
    STAND_IN_ATOMIC(T, atomicAdd, old + value)                         \
    inline T atomicExch(T* address, T value) {                         \
        return stand_in_atomic(address, [=](T) { return value; });     \
    }
#define STAND_IN_INTEGER_ATOMICS(T)                                                            \
    STAND_IN_ATOMICS(T)                                                                        \
    STAND_IN_ATOMIC(T, atomicMax, old > value ? old : value)                                   \
    STAND_IN_ATOMIC(T, atomicMin, old < value ? old : value)                                   \
    STAND_IN_ATOMIC(T, atomicOr, old | value)                                                  \
    STAND_IN_ATOMIC(T, atomicAnd, old & value)                                                 \
    inline T atomicCAS(T* address, T expected, T value) {                                      \
        return stand_in_atomic(address, [=](T old) { return old == expected ? value : old; }); \
    }
STAND_IN_INTEGER_ATOMICS(int)
STAND_IN_INTEGER_ATOMICS(unsigned)
STAND_IN_INTEGER_ATOMICS(unsigned long long)
STAND_IN_ATOMICS(float)
STAND_IN_ATOMICS(double)

// --- Arithmetic that CUDA has and C++ has not, or under another name.
template <class T>
T __ldg(const T* address) { return *address; }
template <class A, class B>
constexpr typename std::common_type<A, B>::type min(A a, B b) { return b < a ? b : a; }
template <class A, class B>
constexpr typename std::common_type<A, B>::type max(A a, B b) { return a < b ? b : a; }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fsub_rn(float x, float y) { return x - y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return 1.0f / sqrtf(x); }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }
template <class To, class From>
To stand_in_bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "bits are not converted");
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}
inline int __float_as_int(float x) { return stand_in_bits<int>(x); }
inline unsigned __float_as_uint(float x) { return stand_in_bits<unsigned>(x); }
inline float __int_as_float(int x) { return stand_in_bits<float>(x); }
inline float __uint_as_float(unsigned x) { return stand_in_bits<float>(x); }
inline long long __double_as_longlong(double x) { return stand_in_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return stand_in_bits<double>(x); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz((unsigned) x); }

#define STAND_IN_VECTORS(T, name)                                                     \
    struct alignas(2 * sizeof(T)) name##2 { T x, y; };                                \
    struct alignas(4 * sizeof(T)) name##4 { T x, y, z, w; };                          \
    inline name##2 make_##name##2(T x, T y) { return {x, y}; }                        \
    inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
STAND_IN_VECTORS(float, float)
STAND_IN_VECTORS(int, int)
STAND_IN_VECTORS(unsigned, uint)
STAND_IN_VECTORS(unsigned char, uchar)
STAND_IN_VECTORS(unsigned short, ushort)
