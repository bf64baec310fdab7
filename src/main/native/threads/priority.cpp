// The lowest priority for one thread: it gets what the others leave of a core, and all of one that nobody else wants.
#include <jni.h>
#include <sys/resource.h>

namespace {

constexpr int LOWEST = 19;

}  // namespace

/** On the thread whose priority it is: Linux has one for each thread. */
extern "C" JNIEXPORT void JNICALL Java_dev_lockstep_BackgroundThread_lowerPriority(JNIEnv*, jclass) {
    setpriority(PRIO_PROCESS, 0, LOWEST);
}
