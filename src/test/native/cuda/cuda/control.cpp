// For tests in the same JVM: the native methods of dev.lockstep.device.cuda.standin.CudaStandIn.
#include <jni.h>

#include "../stand_in.h"

using namespace stand_in;

namespace {

std::string string(JNIEnv* env, jstring text) {
    const char* characters = env->GetStringUTFChars(text, nullptr);
    std::string copy = characters;
    env->ReleaseStringUTFChars(text, characters);
    return copy;
}

}  // namespace

extern "C" {

JNIEXPORT void JNICALL Java_dev_lockstep_device_cuda_standin_CudaStandIn_set(JNIEnv* env, jclass, jstring name,
                                                                           jstring value) {
    set_setting(string(env, name), string(env, value));
}

JNIEXPORT void JNICALL Java_dev_lockstep_device_cuda_standin_CudaStandIn_reset(JNIEnv*, jclass) {
    reset_settings();
}

JNIEXPORT jlong JNICALL Java_dev_lockstep_device_cuda_standin_CudaStandIn_calls(JNIEnv* env, jclass, jstring call) {
    return call_count(string(env, call));
}

JNIEXPORT jlong JNICALL Java_dev_lockstep_device_cuda_standin_CudaStandIn_usedBytes(JNIEnv*, jclass, jint device) {
    return (jlong) used_bytes(device);
}

}  // extern "C"
