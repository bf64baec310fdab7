// Device and pinned memory: mappings between guard pages, known by address.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>

#include "../stand_in.h"

namespace stand_in {
namespace {

constexpr size_t ALIGNMENT = 256;  // of what cudaMalloc returns
constexpr int FRESH = 0xFF;        // a NaN as a float, double or bfloat16, -1 as an integer
constexpr int MARGIN = 0xA5;

struct Mapping {
    Allocation allocation;
    char* base;  // of the first page between the guards
    size_t bytes;
};

struct State {
    std::mutex mutex;
    std::map<const char*, Mapping> mappings;  // by the start of their allocations
};

State& state() {
    static State* state = new State;
    return *state;
}

size_t round_up(size_t bytes, size_t unit) {
    return (bytes + unit - 1) / unit * unit;
}

size_t used(int device) {
    size_t bytes = 0;
    for (const auto& entry : state().mappings) {
        const Allocation& allocation = entry.second.allocation;
        if (allocation.kind == Kind::DEVICE && allocation.device == device) {
            bytes += round_up(allocation.bytes, ALIGNMENT);
        }
    }
    return bytes;
}

// Whether the bytes are as they were; they are so again afterwards, so that damage is told once.
bool restore_margin(char* from, char* to) {
    bool is_intact = std::all_of(from, to, [](char value) { return value == (char) MARGIN; });
    memset(from, MARGIN, (size_t) (to - from));
    return is_intact;
}

bool restore_margins(const Mapping& mapping) {
    const Allocation& allocation = mapping.allocation;
    bool before = restore_margin(mapping.base, allocation.start);
    bool after = restore_margin(allocation.start + allocation.bytes, mapping.base + mapping.bytes);
    return before && after;
}

}  // namespace

// The allocation ends where the pages end, as nearly as its alignment allows, for a write past its end is the likelier.
int allocate(Kind kind, int device, size_t bytes, void** pointer) {
    if (pointer == nullptr) {
        return INVALID_VALUE;
    }
    *pointer = nullptr;
    if (bytes == 0) {
        return SUCCESS;
    }
    std::lock_guard<std::mutex> lock(state().mutex);
    if (kind == Kind::DEVICE && (bytes > total_bytes() || round_up(bytes, ALIGNMENT) > total_bytes() - used(device))) {
        return OUT_OF_MEMORY;
    }
    if (kind == Kind::PINNED && bytes > (size_t) number("PINNED_MIB", 4096) << 20) {
        return OUT_OF_MEMORY;
    }
    size_t page = (size_t) sysconf(_SC_PAGESIZE);
    Mapping mapping;
    mapping.bytes = round_up(bytes, page);
    char* guarded = (char*) mmap(nullptr, mapping.bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guarded == MAP_FAILED || mprotect(guarded + page, mapping.bytes, PROT_READ | PROT_WRITE) != 0) {
        return OUT_OF_MEMORY;
    }
    mapping.base = guarded + page;
    mapping.allocation = {mapping.base + mapping.bytes - round_up(bytes, ALIGNMENT), bytes, kind, device};
    char* start = mapping.allocation.start;
    restore_margins(mapping);
    memset(start, FRESH, bytes);
    state().mappings[start] = mapping;
    *pointer = start;
    return SUCCESS;
}

int release(Kind kind, void* pointer) {
    std::lock_guard<std::mutex> lock(state().mutex);
    auto found = state().mappings.find((const char*) pointer);
    if (found == state().mappings.end() || found->second.allocation.kind != kind) {
        return INVALID_VALUE;
    }
    if (kind != Kind::REGISTERED) {
        size_t page = (size_t) sysconf(_SC_PAGESIZE);
        munmap(found->second.base - page, found->second.bytes + 2 * page);
    }
    state().mappings.erase(found);
    return SUCCESS;
}

int register_host(void* pointer, size_t bytes, int device) {
    if (pointer == nullptr || bytes == 0) {
        return INVALID_VALUE;
    }
    if (overlapped(pointer, bytes).start != nullptr) {
        return ALREADY_REGISTERED;
    }
    std::lock_guard<std::mutex> lock(state().mutex);
    char* start = (char*) pointer;
    // It has no margins: the memory around it is others'.
    state().mappings[start] = {{start, bytes, Kind::REGISTERED, device}, start, bytes};
    return SUCCESS;
}

Allocation overlapped(const void* pointer, size_t bytes) {
    std::lock_guard<std::mutex> lock(state().mutex);
    const char* start = (const char*) pointer;
    // The last allocation that starts before the end of the bytes.
    auto next = state().mappings.lower_bound(start + (bytes > 0 ? bytes : 1));
    if (next == state().mappings.begin()) {
        return {};
    }
    const Allocation& allocation = std::prev(next)->second.allocation;
    return start < allocation.start + allocation.bytes ? allocation : Allocation();
}

bool reachable(const void* pointer, size_t bytes, int device) {
    Allocation allocation = overlapped(pointer, bytes);
    const char* start = (const char*) pointer;
    return allocation.start != nullptr && start >= allocation.start
            && bytes <= (size_t) (allocation.start + allocation.bytes - start)
            && (allocation.kind != Kind::DEVICE || allocation.device == device);
}

size_t total_bytes() {
    return (size_t) number("MEMORY_MIB", 1024) << 20;
}

size_t used_bytes(int device) {
    std::lock_guard<std::mutex> lock(state().mutex);
    return used(device);
}

bool margins_intact(const void* pointer) {
    std::lock_guard<std::mutex> lock(state().mutex);
    auto next = state().mappings.upper_bound((const char*) pointer);
    return next == state().mappings.begin() || restore_margins(std::prev(next)->second);
}

}  // namespace stand_in
