// The CPU side of norms, dropout and residual blocks: the native half of dev.lockstep.device.cpu.CpuLayerKernels.
// Addresses arrive as longs; sizes were checked in Java.
#include <jni.h>

#include "batch_norm.h"
#include "dropout.h"
#include "layer_norm.h"
#include "parallel.h"
#include "product.h"
#include "residual.h"

#define NATIVE(name) extern "C" JNIEXPORT void JNICALL Java_dev_lockstep_device_cpu_CpuLayerKernels_##name

NATIVE(layerNormForward)(JNIEnv*, jclass, jlong x, jlong weight, jlong bias, jlong y, jlong statistics, jlong rows,
                         jlong features, jfloat eps) {
    parallel(rows, features * 4, [=](long first, long count) {
        layer_norm_forward(at<float>(x) + first * features, at<float>(weight), at<float>(bias),
                           at<float>(y) + first * features, at<float>(statistics) + first,
                           at<float>(statistics) + rows + first, count, features, eps);
    });
}

NATIVE(layerNormBackward)(JNIEnv*, jclass, jlong x, jlong yGradient, jlong weight, jlong statistics, jlong xGradient,
                          jlong rows, jlong features) {
    parallel(rows, features * 4, [=](long first, long count) {
        layer_norm_backward(at<float>(x) + first * features, at<float>(yGradient) + first * features, at<float>(weight),
                            at<float>(statistics) + first, at<float>(statistics) + rows + first,
                            at<float>(xGradient) + first * features, count, features);
    });
}

NATIVE(layerNormBackwardSums)(JNIEnv*, jclass, jlong x, jlong yGradient, jlong statistics, jlong sums, jlong rows,
                              jlong features) {
    parallel(features, rows * 4, [=](long first, long count) {
        layer_norm_backward_sums(at<float>(x) + first, at<float>(yGradient) + first, at<float>(statistics),
                                 at<float>(statistics) + rows, at<double>(sums) + first,
                                 at<double>(sums) + features + first, rows, count, features, rows, 0);
    });
}

NATIVE(batchNormSums)(JNIEnv*, jclass, jlong x, jlong sums, jlong rows, jlong features) {
    parallel(features, rows * 2, [=](long first, long count) {
        batch_norm_sums(at<float>(x) + first, at<double>(sums) + first, at<double>(sums) + features + first, rows, count,
                        features, rows, 0);
    });
    batch_norm_count(at<double>(sums), features, rows);
}

NATIVE(batchNormStatistics)(JNIEnv*, jclass, jlong sums, jlong statistics, jlong runningMean, jlong runningVariance,
                            jlong batches, jlong features, jdouble eps, jdouble momentum) {
    batch_norm_statistics(at<double>(sums), at<float>(statistics), at<float>(runningMean), at<float>(runningVariance),
                          at<long>(batches), features, eps, momentum);
}

NATIVE(batchNormRunningStatistics)(JNIEnv*, jclass, jlong runningMean, jlong runningVariance, jlong statistics,
                                   jlong features, jdouble eps) {
    batch_norm_running_statistics(at<float>(runningMean), at<float>(runningVariance), at<float>(statistics), features,
                                  eps);
}

NATIVE(batchNormForward)(JNIEnv*, jclass, jlong x, jlong statistics, jlong weight, jlong bias, jlong y, jlong rows,
                         jlong features) {
    parallel(rows, features, [=](long first, long count) {
        batch_norm_forward(at<float>(x) + first * features, at<float>(statistics), at<float>(weight), at<float>(bias),
                           at<float>(y) + first * features, count, features);
    });
}

NATIVE(batchNormBackwardSums)(JNIEnv*, jclass, jlong x, jlong yGradient, jlong statistics, jlong sums, jlong rows,
                              jlong features) {
    parallel(features, rows * 4, [=](long first, long count) {
        batch_norm_backward_sums(at<float>(x) + first, at<float>(yGradient) + first, at<float>(statistics) + first,
                                 at<float>(statistics) + features + first, at<double>(sums) + first,
                                 at<double>(sums) + features + first, rows, count, features, rows, 0);
    });
}

NATIVE(batchNormBackward)(JNIEnv*, jclass, jlong x, jlong yGradient, jlong statistics, jlong weight, jlong forwardSums,
                          jlong backwardSums, jlong xGradient, jlong rows, jlong features) {
    parallel(rows, features * 2, [=](long first, long count) {
        batch_norm_backward(at<float>(x) + first * features, at<float>(yGradient) + first * features,
                            at<float>(statistics), at<float>(weight), at<double>(forwardSums), at<double>(backwardSums),
                            at<float>(xGradient) + first * features, count, features);
    });
}

NATIVE(normParameterGradients)(JNIEnv*, jclass, jlong sums, jlong weightGradient, jlong biasGradient, jlong features,
                               jboolean accumulate) {
    norm_parameter_gradients(at<double>(sums), at<float>(weightGradient), at<float>(biasGradient), features, accumulate);
}

NATIVE(dropout)(JNIEnv*, jclass, jlong x, jlong y, jlong counters, jlong seed, jint layerAndRank, jint threshold,
                jfloat scale, jlong count) {
    // Parts begin at multiples of 16, and so between two blocks of random words.
    parallel(count, 4, [=](long first, long part) {
        dropout(at<float>(x) + first, at<float>(y) + first, at<unsigned>(counters), static_cast<unsigned>(seed),
                static_cast<unsigned>(static_cast<unsigned long>(seed) >> 32), layerAndRank, threshold, scale, first, part);
    });
}

NATIVE(countUp)(JNIEnv*, jclass, jlong counters, jint index, jint count) {
    count_up(at<int>(counters), index, count);
}

NATIVE(multiply)(JNIEnv*, jclass, jlong a, jlong b, jlong y, jlong count) {
    parallel(count, 1, [=](long first, long part) {
        multiply(at<float>(a) + first, at<float>(b) + first, at<float>(y) + first, part);
    });
}

NATIVE(add)(JNIEnv*, jclass, jlong a, jlong b, jlong y, jlong count) {
    parallel(count, 1, [=](long first, long part) {
        add(at<float>(a) + first, at<float>(b) + first, at<float>(y) + first, part);
    });
}
