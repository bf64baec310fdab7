// sched_yield for a rank whose communication thread has no core of its own; the launcher preloads it.
//
// A thread that waits in MPI looks for messages again and again, and with mpi_yield_when_idle calls sched_yield in between.
// Linux since 6.6 lets it go on at once as long as it has not had its share: it takes a third of the core from the thread that
// computes. So while that one computes, the communication thread sleeps here instead, for far less time than the network's
// buffers hold. All other threads, and that one while nobody computes, get what they asked for.
#include <jni.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace {

thread_local bool sleeps = false;
std::atomic<bool> computing{false};
// Over a 2.5 Gbit/s link 463 ms a step, with 100 µs 472; 500 µs cost communication more than they spared.
constexpr timespec NAP{0, 200'000};
constexpr unsigned long TIMER_SLACK_NANOS = 1000;

}  // namespace

extern "C" int sched_yield() noexcept {
    if (sleeps && computing.load(std::memory_order_relaxed)) {
        return clock_nanosleep(CLOCK_MONOTONIC, 0, &NAP, nullptr);
    }
    return static_cast<int>(syscall(SYS_sched_yield));
}

#define NATIVE(type, name) extern "C" JNIEXPORT type JNICALL Java_dev_lockstep_comm_mpi_SharedCore_##name

/** On the communication thread. */
NATIVE(void, enter)(JNIEnv*, jclass) {
    // Otherwise a sleep of this length takes half as long again.
    prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NANOS);
    sleeps = true;
}

/** On the thread that computes. */
NATIVE(void, setComputing)(JNIEnv*, jclass, jboolean is) {
    computing.store(is, std::memory_order_relaxed);
}
