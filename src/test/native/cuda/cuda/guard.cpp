// Turns a touched guard page in a task into an error of that task.
#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>

#include "../stand_in.h"

namespace stand_in {
namespace {

// Read in a signal handler, so it may not be allocated at its first use there.
__attribute__((tls_model("initial-exec"))) thread_local sigjmp_buf* recovery = nullptr;
struct sigaction before[64];

void on_fault(int signal, siginfo_t* info, void* context) {
    if (recovery != nullptr) {
        char line[128];
        int length = snprintf(line, sizeof line, "CUDA stand-in: illegal access at address %p\n", info->si_addr);
        if (write(STDERR_FILENO, line, (size_t) length) < 0) {
            // Nobody reads it; the error code tells the same.
        }
        siglongjmp(*recovery, ILLEGAL_ADDRESS);
    }
    const struct sigaction& previous = before[signal];
    if ((previous.sa_flags & SA_SIGINFO) != 0) {
        previous.sa_sigaction(signal, info, context);
    } else if (previous.sa_handler == SIG_DFL) {
        sigaction(signal, &previous, nullptr);  // and the access is made again
    } else if (previous.sa_handler != SIG_IGN) {
        previous.sa_handler(signal);
    }
}

void install() {
    for (int signal : {SIGSEGV, SIGBUS}) {
        struct sigaction action;
        sigaction(signal, nullptr, &before[signal]);
        action = before[signal];  // the JVM relies on its mask and flags
        action.sa_flags = (action.sa_flags & ~SA_RESETHAND) | SA_SIGINFO;
        action.sa_sigaction = on_fault;
        sigaction(signal, &action, nullptr);
    }
}

}  // namespace

int run_guarded(const Task& task) {
    static std::once_flag installed;
    std::call_once(installed, install);
    sigjmp_buf here;
    int code = sigsetjmp(here, 1);
    if (code == 0) {
        recovery = &here;
        code = task();
    }
    recovery = nullptr;
    return code;
}

void fail_task(int code) {
    siglongjmp(*recovery, code);
}

}  // namespace stand_in
