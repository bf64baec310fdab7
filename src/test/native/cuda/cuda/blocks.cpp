// The threads of a block as fibers. A fiber runs one thread after another until one has to wait; only then the next
// fiber goes on with those that have not begun. So a kernel without barriers or shuffles is a plain loop on one fiber.
#include "blocks.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "../stand_in.h"

extern "C" void stand_in_switch(void** saved, void* resumed);

#if !defined(__x86_64__)
#error "the switch between fibers is written for x86-64"
#endif
// Saves what a called function must preserve, and goes on where `resumed` was saved.
asm(R"(
    .text
    .globl stand_in_switch
    .hidden stand_in_switch
    .type stand_in_switch, @function
stand_in_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size stand_in_switch, .-stand_in_switch
)");

namespace stand_in {
namespace {

using namespace stand_in_kernel;

constexpr int WARP = 32;
constexpr size_t STACK_BYTES = 128 << 10;

// A page that may not be touched lies below each stack.
const size_t GUARD_BYTES = (size_t) sysconf(_SC_PAGESIZE);

struct Fiber {
    char* stack;
    size_t offset;  // of its top: stacks at the same place of their pages would share few lines of the cache
    void* saved;
};

enum class State { RUNNABLE, AT_BARRIER, IN_EXCHANGE, FINISHED };

struct Lane {
    Fiber* fiber = nullptr;
    State state = State::RUNNABLE;
    unsigned mask = 0;
    int source = 0;
    unsigned long long value = 0;
    unsigned long long result = 0;
};

struct Block {
    const Kernel* kernel;
    void* const* arguments;
    Indices indices;
    std::vector<Lane> lanes;
    int next = 0;      // the first thread that has not begun
    int finished = 0;
    int running = 0;
    void* scheduler;   // what switched to the running fiber
    std::vector<Fiber*> fibers;
    std::vector<Fiber*> idle;
    Fiber* beginning = nullptr;
    bool is_abandoned = false;  // left by fail_task(): its fibers hang where they were

    ~Block() {
        for (Fiber* fiber : fibers) {
            munmap(fiber->stack - GUARD_BYTES, GUARD_BYTES + STACK_BYTES);
            delete fiber;
        }
    }
};

// Of the calling thread; a plain pointer, which is quicker to reach than an object that has to be constructed.
thread_local Block* current = nullptr;

[[noreturn]] void fail_block(const char* message) {
    report("kernel %s, block %u: %s", current->kernel->name, current->indices.block.x, message);
    fail_task(LAUNCH_FAILURE);
}

void set_running(int lane) {
    dim3 size = current->indices.block_size;
    unsigned i = (unsigned) lane;
    current->running = lane;
    current->indices.thread = i < size.x ? dim3(i, 0, 0) : dim3(i % size.x, i / size.x % size.y, i / size.x / size.y);
}

void run_fiber(Fiber* fiber) {
    for (;;) {
        while (current->next < (int) current->lanes.size()) {
            int lane = current->next++;
            current->lanes[(size_t) lane].fiber = fiber;
            set_running(lane);
            current->kernel->run_thread(current->arguments);
            current->lanes[(size_t) current->running].state = State::FINISHED;
            ++current->finished;
        }
        current->idle.push_back(fiber);
        stand_in_switch(&fiber->saved, current->scheduler);
    }
}

void begin_fiber() {
    run_fiber(current->beginning);
}

void prepare(Fiber& fiber) {
    void** top = (void**) (fiber.stack + STACK_BYTES - fiber.offset);
    *--top = nullptr;  // where a called function finds its caller; also keeps the stack aligned
    *--top = (void*) begin_fiber;
    top -= 6;          // the registers that the switch restores
    fiber.saved = top;
}

Fiber* new_fiber() {
    char* mapped = (char*) mmap(nullptr, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED || mprotect(mapped, GUARD_BYTES, PROT_NONE) != 0) {
        fail_block("no memory for the stack of a thread");
    }
    Fiber* fiber = new Fiber{mapped + GUARD_BYTES, current->fibers.size() * 320 % 4096, nullptr};
    prepare(*fiber);
    current->fibers.push_back(fiber);
    return fiber;
}

void resume(Fiber& fiber) {
    stand_in_switch(&current->scheduler, fiber.saved);
}

// Begins the threads that have not; returns when each has finished or waits.
void begin_threads() {
    while (current->next < (int) current->lanes.size()) {
        if (current->idle.empty()) {
            current->beginning = new_fiber();
        } else {
            current->beginning = current->idle.back();
            current->idle.pop_back();
        }
        resume(*current->beginning);
    }
}

unsigned long long wait(State state) {
    Lane& lane = current->lanes[(size_t) current->running];
    lane.state = state;
    stand_in_switch(&lane.fiber->saved, current->scheduler);
    return lane.result;
}

// Whether all lanes that `lane` waits for have come to the same exchange; those that have finished do not count.
bool is_complete(const Lane* warp, int lanes, const Lane& lane) {
    for (int i = 0; i < lanes; ++i) {
        if ((lane.mask >> i & 1) != 0 && warp[i].state != State::FINISHED
                && (warp[i].state != State::IN_EXCHANGE || warp[i].mask != lane.mask
                    || (warp[i].source < 0) != (lane.source < 0))) {
            return false;
        }
    }
    return true;
}

void exchange(Lane* warp, int lanes, unsigned mask) {
    unsigned long long votes = 0;
    for (int i = 0; i < lanes; ++i) {
        if ((mask >> i & 1) != 0 && warp[i].state == State::IN_EXCHANGE && warp[i].value != 0) {
            votes |= 1ull << i;
        }
    }
    for (int i = 0; i < lanes; ++i) {
        if ((mask >> i & 1) == 0 || warp[i].state != State::IN_EXCHANGE) {
            continue;
        }
        int source = warp[i].source;
        bool is_there = source >= 0 && source < lanes && (mask >> source & 1) != 0
                && warp[source].state != State::FINISHED;
        // What a lane that takes no part holds is undefined in CUDA; here it is a NaN.
        warp[i].result = source < 0 ? votes : is_there ? warp[source].value : ~0ull;
    }
    for (int i = 0; i < lanes; ++i) {
        if ((mask >> i & 1) != 0 && warp[i].state == State::IN_EXCHANGE) {
            warp[i].state = State::RUNNABLE;
        }
    }
}

bool release_exchanges() {
    bool released = false;
    for (size_t first = 0; first < current->lanes.size(); first += WARP) {
        Lane* warp = &current->lanes[first];
        int lanes = (int) std::min(current->lanes.size() - first, (size_t) WARP);
        for (int i = 0; i < lanes; ++i) {
            if (warp[i].state == State::IN_EXCHANGE && is_complete(warp, lanes, warp[i])) {
                exchange(warp, lanes, warp[i].mask);
                released = true;
            }
        }
    }
    return released;
}

void release_barrier() {
    unsigned votes = 0;
    for (const Lane& lane : current->lanes) {
        if (lane.state != State::AT_BARRIER) {
            fail_block(lane.state == State::FINISHED ? "a thread ended without coming to a barrier that others wait at"
                                                     : "a warp's exchange waits for lanes that never come to it");
        }
        votes += lane.value != 0;
    }
    for (Lane& lane : current->lanes) {
        lane.result = votes;
        lane.state = State::RUNNABLE;
    }
}

void run_block(dim3 index) {
    current->indices.block = index;
    current->lanes.assign(current->lanes.size(), Lane());
    current->next = current->finished = 0;
    begin_threads();
    while (current->finished < (int) current->lanes.size()) {
        if (!release_exchanges()) {
            release_barrier();
        }
        for (size_t i = 0; i < current->lanes.size(); ++i) {
            if (current->lanes[i].state == State::RUNNABLE) {
                set_running((int) i);
                resume(*current->lanes[i].fiber);
            }
        }
    }
}

Indices* indices() {
    return &current->indices;
}

unsigned barrier(bool predicate) {
    current->lanes[(size_t) current->running].value = predicate;
    return (unsigned) wait(State::AT_BARRIER);
}

unsigned long long exchange(unsigned mask, unsigned long long value, int source) {
    Lane& lane = current->lanes[(size_t) current->running];
    if ((mask >> current->running % WARP & 1) == 0) {
        fail_block("a lane is not in the mask of its own exchange");
    }
    lane.mask = mask;
    lane.value = value;
    lane.source = source;
    return wait(State::IN_EXCHANGE);
}

void fail(const char* message) {
    fail_block(message);
}

}  // namespace

void run_kernel(const Kernel& kernel, dim3 grid, dim3 block, void* const* arguments) {
    static thread_local Block block_of_thread;
    current = &block_of_thread;
    if (current->is_abandoned) {
        current->idle = current->fibers;
        for (Fiber* fiber : current->fibers) {
            prepare(*fiber);
        }
    }
    current->is_abandoned = true;
    current->kernel = &kernel;
    current->arguments = arguments;
    current->indices.grid_size = grid;
    current->indices.block_size = block;
    current->lanes.resize((size_t) block.x * block.y * block.z);
    for (unsigned z = 0; z < grid.z; ++z) {
        for (unsigned y = 0; y < grid.y; ++y) {
            for (unsigned x = 0; x < grid.x; ++x) {
                run_block(dim3(x, y, z));
            }
        }
    }
    current->is_abandoned = false;
}

const Runtime& kernel_runtime() {
    static const Runtime runtime = {indices, barrier, exchange, fail};
    return runtime;
}

}  // namespace stand_in
