// Between compiled kernels (device.h) and what runs them (cuda/blocks.cpp).
#pragma once

#include <cstddef>

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

namespace stand_in_kernel {

struct Indices {
    dim3 thread, block, block_size, grid_size;
};

// What the running thread can ask for. Its indices stay at one address as long as its kernel runs.
struct Runtime {
    __attribute__((const)) Indices* (*indices)();
    // Waits for all threads of the block; how many of them gave true.
    unsigned (*barrier)(bool predicate);
    // Waits for the lanes in `mask`; the value of lane `source`, or with source -1 a bit for each lane with a value
    // other than 0.
    unsigned long long (*exchange)(unsigned mask, unsigned long long value, int source);
    void (*fail)(const char* message);
};

struct Parameter {
    size_t bytes;
    bool is_pointer;
};

struct Kernel {
    const char* name;
    int parameter_count;
    const Parameter* parameters;
    void (*run_thread)(void* const* arguments);
};

// A compiled program exports this under the name stand_in_program.
struct Program {
    Runtime* runtime;
    const Kernel* kernels;
    int kernel_count;
};

// In front of the shared library that stands for a cubin.
struct CubinHeader {
    char magic[16];
    unsigned architecture;
    unsigned checksum;
    unsigned long long bytes;
};
constexpr char CUBIN_MAGIC[16] = "STAND-IN CUBIN";

inline unsigned checksum(const char* data, size_t bytes) {
    unsigned hash = 2166136261u;
    for (size_t i = 0; i < bytes; ++i) {
        hash = (hash ^ (unsigned char) data[i]) * 16777619u;
    }
    return hash;
}

}  // namespace stand_in_kernel
