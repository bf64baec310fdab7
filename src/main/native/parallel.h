// What the kernels' callers share: addresses that arrive as longs, and loops over parts by several threads.
#pragma once
#include <immintrin.h>
#include <jni.h>
#include <omp.h>

#include <algorithm>

namespace {

template <typename T>
T* at(jlong address) {
    return reinterpret_cast<T*>(address);
}

// Below this much work a part, waking a thread costs more than it brings.
constexpr long MINIMUM_PART = 1 << 15;

// Treats denormal numbers as zero while it lives. A momentum that decays towards zero passes through them, and each
// operation on one costs over a hundred cycles. The thread's own setting comes back, which Java relies on.
class FlushDenormals {
public:
    FlushDenormals() : saved_(_mm_getcsr()) {
        _mm_setcsr(saved_ | _MM_FLUSH_ZERO_ON | _MM_DENORMALS_ZERO_ON);
    }
    ~FlushDenormals() {
        _mm_setcsr(saved_);
    }

private:
    const unsigned saved_;
};

// Runs body(first, count) on parts of 0 ... count-1, a thread each; parts begin at multiples of 16 elements so that no
// two threads write one cache line. work is what one element stands for.
template <typename Body>
void parallel(long count, long work, Body body) {
    const long parts = std::min<long>(omp_get_max_threads(), count * work / MINIMUM_PART);
    if (parts <= 1) {
        body(0L, count);
        return;
    }
    const long part = ((count + parts - 1) / parts + 15) / 16 * 16;
#pragma omp parallel for num_threads(parts) schedule(static, 1)
    for (long first = 0; first < count; first += part) {
        body(first, std::min(part, count - first));
    }
}

}  // namespace
