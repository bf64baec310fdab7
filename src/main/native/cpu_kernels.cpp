// The CPU side of the kernels in src/main/cuda, and page-aligned memory: the native half of
// dev.lockstep.device.cpu.CpuKernels. Addresses arrive as longs; sizes were checked in Java.
#include <jni.h>
#include <malloc.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <cstring>

#include "activation.h"
#include "adam.h"
#include "cross_entropy.h"
#include "gather.h"
#include "linear.h"
#include "loss.h"
#include "mean_squared_error.h"
#include "parallel.h"
#include "sgd.h"

#define NATIVE(type, name) extern "C" JNIEXPORT type JNICALL Java_dev_lockstep_device_cpu_CpuKernels_##name

namespace {

constexpr size_t PAGE = 4096;
constexpr size_t HUGE_PAGE = 2 << 20;
constexpr size_t SMALL_BLOCK = 128 << 10;

// Blocks in huge pages start at different distances from the page's start, or all of them would compete for the same
// sets of the caches.
constexpr size_t STAGGER = PAGE + 64;
constexpr size_t STAGGERED_BLOCKS = 15;

size_t roundUp(size_t size, size_t unit) {
    return (size + unit - 1) / unit * unit;
}

// Zeroed memory in huge pages, or null.
void* allocateHuge(size_t size) {
    // Huge pages begin at multiples of their size: map one more, and give back what lies around.
    void* mapped = mmap(nullptr, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) {
        return nullptr;
    }
    const auto start = reinterpret_cast<uintptr_t>(mapped);
    const uintptr_t aligned = roundUp(start, HUGE_PAGE);
    const size_t before = aligned - start;
    if (before > 0) {
        munmap(mapped, before);
    }
    munmap(reinterpret_cast<void*>(aligned + size), HUGE_PAGE - before);
    madvise(reinterpret_cast<void*>(aligned), size, MADV_HUGEPAGE);
    return reinterpret_cast<void*>(aligned);
}

size_t hugeBlockSize(jlong bytes) {
    return roundUp(static_cast<size_t>(bytes) + STAGGER * STAGGERED_BLOCKS, HUGE_PAGE);
}

}  // namespace

// Zeroed pages, huge ones for all but small blocks: matrices spare most of their TLB misses, and MPI, which copies
// between processes page by page, most of its pages.
NATIVE(jlong, allocate)(JNIEnv*, jclass, jlong bytes) {
    if (static_cast<size_t>(bytes) < SMALL_BLOCK) {
        void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return memory == MAP_FAILED ? 0 : reinterpret_cast<jlong>(memory);
    }
    static std::atomic<size_t> blocks{0};
    void* memory = allocateHuge(hugeBlockSize(bytes));
    return memory == nullptr ? 0 : reinterpret_cast<jlong>(memory) + (blocks++ % STAGGERED_BLOCKS) * STAGGER;
}

NATIVE(void, free)(JNIEnv*, jclass, jlong address, jlong bytes) {
    if (static_cast<size_t>(bytes) < SMALL_BLOCK) {
        munmap(at<void>(address), bytes);
    } else {
        munmap(at<void>(address / HUGE_PAGE * HUGE_PAGE), hugeBlockSize(bytes));
    }
}

NATIVE(jobject, view)(JNIEnv* env, jclass, jlong address, jlong bytes) {
    return env->NewDirectByteBuffer(at<void>(address), bytes);
}

// Applies to OpenMP regions that the calling thread opens, oneDNN's among them.
NATIVE(void, setThreads)(JNIEnv*, jclass, jint threads) {
    omp_set_num_threads(threads);
}

NATIVE(jlong, heapBytesInUse)(JNIEnv*, jclass) {
    const struct mallinfo2 info = mallinfo2();
    return static_cast<jlong>(info.uordblks + info.hblkhd);
}

NATIVE(void, clear)(JNIEnv*, jclass, jlong address, jlong bytes) {
    memset(at<void>(address), 0, bytes);
}

NATIVE(void, copy)(JNIEnv*, jclass, jlong from, jlong to, jlong count) {
    parallel(count, 1, [=](long first, long part) {
        memmove(at<float>(to) + first, at<float>(from) + first, part * sizeof(float));
    });
}

NATIVE(void, gatherRowsU8)(JNIEnv*, jclass, jlong source, jlong indices, jlong destination, jlong rows, jlong columns,
                           jfloat divisor) {
    parallel(rows, columns, [=](long first, long count) {
        gather_rows_u8(at<unsigned char>(source), at<int>(indices) + first, at<float>(destination) + first * columns,
                       count, columns, divisor);
    });
}

NATIVE(void, gatherRowsF32)(JNIEnv*, jclass, jlong source, jlong indices, jlong destination, jlong rows,
                            jlong columns, jfloat divisor) {
    parallel(rows, columns, [=](long first, long count) {
        gather_rows_f32(at<float>(source), at<int>(indices) + first, at<float>(destination) + first * columns, count,
                        columns, divisor);
    });
}

NATIVE(void, gatherLabels)(JNIEnv*, jclass, jlong source, jlong indices, jlong destination, jlong count) {
    gather_labels(at<int>(source), at<int>(indices), at<int>(destination), count);
}

NATIVE(void, columnSums)(JNIEnv*, jclass, jlong matrix, jlong sums, jlong rows, jlong columns, jboolean accumulate) {
    parallel(columns, rows, [=](long first, long count) {
        column_sums(at<float>(matrix) + first, at<float>(sums) + first, rows, count, columns, accumulate);
    });
}

NATIVE(void, reluForward)(JNIEnv*, jclass, jlong x, jlong y, jlong count) {
    parallel(count, 1, [=](long first, long part) {
        relu_forward(at<float>(x) + first, at<float>(y) + first, part);
    });
}

NATIVE(void, reluBackward)(JNIEnv*, jclass, jlong y, jlong yGradient, jlong xGradient, jlong count) {
    parallel(count, 1, [=](long first, long part) {
        relu_backward(at<float>(y) + first, at<float>(yGradient) + first, at<float>(xGradient) + first, part);
    });
}

// statistics: LossStatistics.java. losses and correct are scratch of one element a row; they are summed in row order,
// so that the result does not depend on the number of threads.
NATIVE(void, crossEntropy)(JNIEnv*, jclass, jlong logits, jlong labels, jlong statistics, jlong gradient, jlong losses,
                           jlong correct, jlong rows, jlong classes, jfloat factor, jfloat smoothing) {
    parallel(rows, classes * 8, [=](long first, long count) {
        const float* x = at<float>(logits) + first * classes;
        const int* label = at<int>(labels) + first;
        float* loss = at<float>(losses) + first;
        int* right = at<int>(correct) + first;
        float* g = gradient == 0 ? nullptr : at<float>(gradient) + first * classes;
        if (smoothing == 0.0f) {
            cross_entropy(x, label, loss, right, g, count, classes, factor);
        } else {
            smoothed_cross_entropy(x, label, loss, right, g, count, classes, factor, smoothing);
        }
    });
    loss_statistics(at<float>(losses), at<int>(correct), at<double>(statistics), rows);
}

NATIVE(void, meanSquaredError)(JNIEnv*, jclass, jlong outputs, jlong targets, jlong statistics, jlong gradient,
                               jlong losses, jlong rows, jlong columns, jfloat factor) {
    parallel(rows, columns, [=](long first, long count) {
        mean_squared_error(at<float>(outputs) + first * columns, at<float>(targets) + first * columns,
                           at<float>(losses) + first, gradient == 0 ? nullptr : at<float>(gradient) + first * columns,
                           count, columns, factor);
    });
    loss_statistics(at<float>(losses), nullptr, at<double>(statistics), rows);
}

NATIVE(void, sgd)(JNIEnv*, jclass, jlong p, jlong g, jlong buffer, jlong hyperparameters, jlong count,
                  jboolean nesterov) {
    parallel(count, 1, [=](long first, long part) {
        const FlushDenormals flush;
        float* parameter = at<float>(p) + first;
        const float* gradient = at<float>(g) + first;
        const float* numbers = at<float>(hyperparameters);
        if (buffer == 0) {
            sgd(parameter, gradient, numbers, nullptr, part);
        } else {
            (nesterov ? sgd_nesterov : sgd_momentum)(parameter, gradient, at<float>(buffer) + first, numbers, nullptr,
                                                     part);
        }
    });
}

NATIVE(void, adam)(JNIEnv*, jclass, jlong p, jlong g, jlong average, jlong squareAverage, jlong hyperparameters,
                   jlong count) {
    parallel(count, 1, [=](long first, long part) {
        const FlushDenormals flush;
        adam(at<float>(p) + first, at<float>(g) + first, at<float>(average) + first, at<float>(squareAverage) + first,
             at<double>(hyperparameters), nullptr, part);
    });
}
