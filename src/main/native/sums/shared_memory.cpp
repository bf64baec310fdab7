// Sums over the ranks of one machine, in memory that all of them have mapped: the native half of
// dev.lockstep.comm.shared.SharedMemory. Addresses arrive as longs; sizes were checked in Java.
//
// A rank has a block: a page that says how far it is, and its numbers behind it. Each rank sums a part of the range over all
// blocks and writes the sum into all of them. So every number crosses between two cores once there and once back, and nobody
// copies anything on behalf of others; MPI takes a system call and three copies for the same.
#include <errno.h>
#include <fcntl.h>
#include <jni.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstring>

#define NATIVE(type, name) extern "C" JNIEXPORT type JNICALL Java_dev_lockstep_comm_shared_SharedBlocks_##name

#define FILE_NAME "lockstep-gradients"

namespace {

constexpr long CACHE_LINE = 64;
constexpr long HEADER_BYTES = 4096;
constexpr long TOKEN_BYTES = 16;
constexpr long LINE_FLOATS = CACHE_LINE / sizeof(float);
// Half of the fastest cache: what is summed waits there to be written to all.
constexpr long PIECE_FLOATS = 4096;
// A thread whose core nobody else wants looks for the others for so long before it sleeps: waking up takes about as long.
constexpr long SPIN_NANOS = 50'000;

// The number of a sum that its rank has come to.
struct alignas(2 * CACHE_LINE) Mark {
    std::atomic<uint32_t> sum;
    std::atomic<uint32_t> sleepers;
};

struct Header {
    unsigned char token[TOKEN_BYTES];
    Mark written;
    Mark summed;
};
static_assert(sizeof(Header) <= HEADER_BYTES);
static_assert(std::atomic<uint32_t>::is_always_lock_free);

Header& header(jlong block) {
    return *reinterpret_cast<Header*>(block);
}

float* numbers(jlong block) {
    return reinterpret_cast<float*>(block + HEADER_BYTES);
}

long futex(std::atomic<uint32_t>& word, int operation, uint32_t value) {
    return syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), operation, value, nullptr, nullptr, 0);
}

long nowNanos() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000L + now.tv_nsec;
}

// The numbers of sums go round; ranks are never more than one apart.
bool hasCome(uint32_t at, uint32_t to) {
    return static_cast<int32_t>(at - to) >= 0;
}

void tell(Mark& mark, uint32_t sum) {
    mark.sum.store(sum);
    if (mark.sleepers.load() > 0) {
        futex(mark.sum, FUTEX_WAKE, INT_MAX);
    }
}

// Looks for the sum until so late.
bool spin(Mark& mark, uint32_t sum, long untilNanos) {
    while (nowNanos() < untilNanos) {
        for (int i = 0; i < 64; i++) {
            if (hasCome(mark.sum.load(std::memory_order_acquire), sum)) {
                return true;
            }
            __builtin_ia32_pause();
        }
    }
    return false;
}

void await(Mark& mark, uint32_t sum, long spinUntilNanos) {
    if (hasCome(mark.sum.load(), sum) || spin(mark, sum, spinUntilNanos)) {
        return;
    }
    mark.sleepers.fetch_add(1);
    for (uint32_t at = mark.sum.load(); !hasCome(at, sum); at = mark.sum.load()) {
        futex(mark.sum, FUTEX_WAIT, at);
    }
    mark.sleepers.fetch_sub(1);
}

// The first of the numbers that the rank sums, of count, at a cache line's start.
long partStart(long count, int rank, int ranks) {
    const long lines = (count + LINE_FLOATS - 1) / LINE_FLOATS;
    return std::min(count, lines * rank / ranks * LINE_FLOATS);
}

__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
void sumPart(const jlong* blocks, int ranks, long first, long end, const jlong* targets, int targetCount) {
    alignas(CACHE_LINE) float sums[PIECE_FLOATS];
    for (long at = first; at < end; at += PIECE_FLOATS) {
        const long count = std::min(PIECE_FLOATS, end - at);
        const float* a = numbers(blocks[0]) + at;
        const float* b = numbers(blocks[1]) + at;
        for (long i = 0; i < count; i++) {
            sums[i] = a[i] + b[i];
        }
        for (int r = 2; r < ranks; r++) {
            const float* next = numbers(blocks[r]) + at;
            for (long i = 0; i < count; i++) {
                sums[i] += next[i];
            }
        }
        for (int t = 0; t < targetCount; t++) {
            memcpy(numbers(targets[t]) + at, sums, count * sizeof(float));
        }
    }
}

void awaitAll(const jlong* blocks, int ranks, Mark Header::*mark, uint32_t sum, bool spin) {
    const long spinUntilNanos = spin ? nowNanos() + SPIN_NANOS : 0;
    for (int r = 0; r < ranks; r++) {
        await(header(blocks[r]).*mark, sum, spinUntilNanos);
    }
}

jlong map(int file, jlong bytes) {
    void* block = mmap(nullptr, HEADER_BYTES + bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    return block == MAP_FAILED ? -errno : reinterpret_cast<jlong>(block);
}

}  // namespace

/** Of a file without a name that holds a block with this token, its memory taken; -errno where it can't be. */
NATIVE(jint, create)(JNIEnv* env, jclass, jlong bytes, jobject token) {
    const int file = memfd_create(FILE_NAME, MFD_CLOEXEC);
    if (file < 0) {
        return -errno;
    }
    if (fallocate(file, 0, 0, HEADER_BYTES + bytes) != 0
            || pwrite(file, env->GetDirectBufferAddress(token), TOKEN_BYTES, 0) != TOKEN_BYTES) {
        const int error = errno;
        close(file);
        return -error;
    }
    return file;
}

NATIVE(void, closeFile)(JNIEnv*, jclass, jint file) {
    close(file);
}

/** The block in an open file of this process, mapped; -errno where it can't be. */
NATIVE(jlong, map)(JNIEnv*, jclass, jint file, jlong bytes) {
    return map(file, bytes);
}

/** That in a file which another process has open; ENOENT where that number is of another process or file here. */
NATIVE(jlong, mapOfProcess)(JNIEnv* env, jclass, jlong process, jint openFile, jlong bytes, jobject token) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/fd/%d", static_cast<long>(process), static_cast<int>(openFile));
    char target[64] = {};
    if (readlink(path, target, sizeof target - 1) < 0) {
        return -errno;
    }
    // Only a file that is known to be the one meant is opened for writing.
    const char expected[] = "/memfd:" FILE_NAME " ";
    if (strncmp(target, expected, sizeof expected - 1) != 0) {
        return -ENOENT;
    }
    const int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) {
        return -errno;
    }
    unsigned char found[TOKEN_BYTES];
    const bool meant = lseek(file, 0, SEEK_END) == HEADER_BYTES + bytes && pread(file, found, TOKEN_BYTES, 0) == TOKEN_BYTES
            && memcmp(found, env->GetDirectBufferAddress(token), TOKEN_BYTES) == 0;
    const jlong block = meant ? map(file, bytes) : -ENOENT;
    close(file);
    return block;
}

NATIVE(jstring, errorText)(JNIEnv* env, jclass, jint error) {
    return env->NewStringUTF(strerror(error));
}

/** The CPUs that the calling thread may run on, a bit each; none where there are more than fit. */
NATIVE(jboolean, cpus)(JNIEnv* env, jclass, jobject mask) {
    return sched_getaffinity(0, env->GetDirectBufferCapacity(mask),
            static_cast<cpu_set_t*>(env->GetDirectBufferAddress(mask))) == 0;
}

NATIVE(void, unmap)(JNIEnv*, jclass, jlong block, jlong bytes) {
    munmap(reinterpret_cast<void*>(block), HEADER_BYTES + bytes);
}

NATIVE(jlong, numbers)(JNIEnv*, jclass, jlong block) {
    return reinterpret_cast<jlong>(numbers(block));
}

NATIVE(jlong, address)(JNIEnv* env, jclass, jobject buffer) {
    return reinterpret_cast<jlong>(env->GetDirectBufferAddress(buffer));
}

NATIVE(jobject, view)(JNIEnv* env, jclass, jlong address, jlong bytes) {
    return env->NewDirectByteBuffer(reinterpret_cast<void*>(address), bytes);
}

NATIVE(jlong, partStart)(JNIEnv*, jclass, jlong count, jint rank, jint ranks) {
    return partStart(count, rank, ranks);
}

// In both: the blocks' addresses by rank lie at blocks; the rank's part is first to end.

/** Sums the part into all blocks, or into the rank's own, where other machines' sums have yet to come to it. */
NATIVE(void, sumPart)(JNIEnv*, jclass, jlong blocks, jint rank, jint ranks, jlong first, jlong end, jint sum, jboolean toAll,
        jboolean spin) {
    const jlong* block = reinterpret_cast<const jlong*>(blocks);
    tell(header(block[rank]).written, sum);
    awaitAll(block, ranks, &Header::written, sum, spin);
    sumPart(block, ranks, first, end, toAll ? block : block + rank, toAll ? ranks : 1);
}

/** Waits until all parts are in all blocks, the rank's own copied there before if it is not yet. */
NATIVE(void, finish)(JNIEnv*, jclass, jlong blocks, jint rank, jint ranks, jlong first, jlong end, jint sum, jboolean copy,
        jboolean spin) {
    const jlong* block = reinterpret_cast<const jlong*>(blocks);
    for (int r = 0; r < ranks && copy; r++) {
        if (r != rank) {
            memcpy(numbers(block[r]) + first, numbers(block[rank]) + first, (end - first) * sizeof(float));
        }
    }
    tell(header(block[rank]).summed, sum);
    awaitAll(block, ranks, &Header::summed, sum, spin);
}
