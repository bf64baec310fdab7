// The CPU side of norm.h: the native half of dev.lockstep.device.cpu.CpuKernels that clips gradients.
#include <jni.h>

#include "norm.h"
#include "parallel.h"

#define NATIVE(type, name) extern "C" JNIEXPORT type JNICALL Java_dev_lockstep_device_cpu_CpuKernels_##name

// partial is scratch of an element for each part that squares are summed in.
NATIVE(void, sumOfSquares)(JNIEnv*, jclass, jlong x, jlong partial, jlong result, jlong count) {
    const long blocks = (count + SQUARES_BLOCK - 1) / SQUARES_BLOCK;
    parallel(blocks, SQUARES_BLOCK, [=](long first, long part) {
        const long start = first * SQUARES_BLOCK;
        sum_of_squares(at<float>(x) + start, at<double>(partial) + first,
                       std::min(part * SQUARES_BLOCK, count - start));
    });
    sum_blocks(at<double>(partial), at<double>(result), blocks);
}

NATIVE(void, clipCoefficient)(JNIEnv*, jclass, jlong sums, jlong coefficient, jlong count, jdouble maximumNorm) {
    clip_coefficient(at<double>(sums), at<double>(coefficient), count, maximumNorm);
}

NATIVE(void, clip)(JNIEnv*, jclass, jlong gradient, jlong coefficient, jfloat limit, jlong count) {
    parallel(count, 1, [=](long first, long part) {
        clip(at<float>(gradient) + first, at<double>(coefficient), limit, part);
    });
}
