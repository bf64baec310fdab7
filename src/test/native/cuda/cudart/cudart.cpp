// The runtime's interface, over what libcuda.so.1 holds.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "../stand_in.h"

using namespace stand_in;

namespace {

enum Direction { HOST_TO_HOST, HOST_TO_DEVICE, DEVICE_TO_HOST, DEVICE_TO_DEVICE, DEFAULT };

thread_local int last_error = SUCCESS;

int result(int code) {
    if (code != SUCCESS && code != NOT_READY) {
        last_error = code;
    }
    return code;
}

// Runs the call unless a test, the device or the driver forbids it.
template <class Call>
int query(const char* name, Call call) {
    int code = enter_with_device(name);
    return result(code != SUCCESS ? code : call());
}

// The same for a call that uses the thread's device, whose context it makes current.
template <class Call>
int runtime(const char* name, Call call) {
    return query(name, [&]() -> int {
        make_context_current();
        return call();
    });
}

// The same for what a thread may not call while it captures.
template <class Call>
int runtime_outside_capture(const char* name, Call call) {
    return runtime(name, [&] {
        int code = refuse_in_capture();
        return code != SUCCESS ? code : call();
    });
}

bool is_whole(const Allocation& allocation, const void* pointer, size_t bytes) {
    const char* start = (const char*) pointer;
    return start >= allocation.start && start + bytes <= allocation.start + allocation.bytes;
}

// Whether the pointer is what the direction says: device memory, or host memory, which may be pinned.
bool is_valid(const void* pointer, size_t bytes, bool should_be_device) {
    Allocation allocation = overlapped(pointer, bytes);
    if (allocation.start == nullptr) {
        return pointer != nullptr && !should_be_device;
    }
    bool is_device = allocation.kind == Kind::DEVICE;
    return is_device == should_be_device && is_whole(allocation, pointer, bytes);
}

bool is_valid_copy(const void* to, const void* from, size_t bytes, int direction) {
    return is_valid(to, bytes, direction == HOST_TO_DEVICE || direction == DEVICE_TO_DEVICE)
            && is_valid(from, bytes, direction == DEVICE_TO_HOST || direction == DEVICE_TO_DEVICE);
}

bool is_pageable(const void* pointer, size_t bytes) {
    return overlapped(pointer, bytes).start == nullptr;
}

int copy_later(void* to, const void* from, size_t bytes, int direction, Stream* stream) {
    if (direction < HOST_TO_HOST || direction > DEVICE_TO_DEVICE) {
        return INVALID_DIRECTION;  // cudaMemcpyDefault is not modelled
    }
    if (bytes == 0) {
        return SUCCESS;
    }
    if (!is_valid_copy(to, from, bytes, direction)) {
        report("cudaMemcpyAsync of %zu bytes from %p to %p: not in one allocation of the right kind", bytes, from, to);
        return INVALID_VALUE;
    }
    bool is_from_pageable = is_pageable(from, bytes), is_to_pageable = is_pageable(to, bytes);
    if (is_from_pageable || is_to_pageable) {
        bool capturing = false;
        if (int code = is_capturing(stream, &capturing)) {
            return code;
        }
        if (capturing) {
            report("copies of pageable memory are not modelled in a capture");
            return NOT_SUPPORTED;
        }
    }
    if (is_from_pageable) {
        std::vector<char> staged((const char*) from, (const char*) from + bytes);
        if (int code = enqueue(stream, [=] { memcpy(to, staged.data(), bytes); return (int) SUCCESS; })) {
            return code;
        }
    } else if (int code = enqueue(stream, [=] { memmove(to, from, bytes); return (int) SUCCESS; })) {
        return code;
    }
    // CUDA returns from a copy to pageable memory only when it is done.
    return is_to_pageable ? synchronize(stream) : (int) SUCCESS;
}

}  // namespace

extern "C" {

int cudaRuntimeGetVersion(int* version) {
    *version = (int) number("RUNTIME_VERSION", 13000);
    return result(enter("cudaRuntimeGetVersion"));
}

int cudaDriverGetVersion(int* version) {
    *version = (int) number("DRIVER_VERSION", 13000);
    return result(enter("cudaDriverGetVersion"));
}

int cudaGetDeviceCount(int* count) {
    *count = 0;
    return query("cudaGetDeviceCount", [&] {
        *count = (int) visible_devices().size();
        return SUCCESS;
    });
}

int cudaSetDevice(int device) {
    return runtime("cudaSetDevice", [&]() -> int {
        if (device < 0 || device >= (int) visible_devices().size()) {
            return INVALID_DEVICE;
        }
        set_current_device(device);
        return SUCCESS;
    });
}

int cudaDeviceGetAttribute(int* value, int name, int device) {
    return query("cudaDeviceGetAttribute", [&]() -> int {
        std::vector<DeviceInfo> devices = visible_devices();
        if (device < 0 || device >= (int) devices.size()) {
            return INVALID_DEVICE;
        }
        return attribute(name, devices[(size_t) device], value);
    });
}

int cudaDeviceGetPCIBusId(char* bus_id, int length, int device) {
    return query("cudaDeviceGetPCIBusId", [&]() -> int {
        std::vector<DeviceInfo> devices = visible_devices();
        if (device < 0 || device >= (int) devices.size()) {
            return INVALID_DEVICE;
        }
        const std::string& id = devices[(size_t) device].pci_bus_id;
        if (length <= (int) id.size()) {
            return INVALID_VALUE;
        }
        memcpy(bus_id, id.c_str(), id.size() + 1);
        return SUCCESS;
    });
}

int cudaMemGetInfo(size_t* free_bytes, size_t* total) {
    return runtime("cudaMemGetInfo", [&] {
        *total = total_bytes();
        *free_bytes = total_bytes() - std::min(total_bytes(), used_bytes(current_device()));
        return SUCCESS;
    });
}

int cudaMalloc(void** pointer, size_t bytes) {
    return runtime_outside_capture("cudaMalloc",
                                   [&] { return allocate(Kind::DEVICE, current_device(), bytes, pointer); });
}

int cudaMallocHost(void** pointer, size_t bytes) {
    return runtime_outside_capture("cudaMallocHost",
                                   [&] { return allocate(Kind::PINNED, current_device(), bytes, pointer); });
}

// Work that is under way may use the memory: CUDA waits for it.
int cudaFree(void* pointer) {
    return runtime_outside_capture("cudaFree", [&] {
        int code = synchronize_all();
        int released = pointer == nullptr ? (int) SUCCESS : release(Kind::DEVICE, pointer);
        return code != SUCCESS ? code : released;
    });
}

int cudaFreeHost(void* pointer) {
    return runtime_outside_capture("cudaFreeHost", [&] {
        int code = synchronize_all();
        int released = pointer == nullptr ? (int) SUCCESS : release(Kind::PINNED, pointer);
        return code != SUCCESS ? code : released;
    });
}

int cudaHostRegister(void* pointer, size_t bytes, unsigned flags) {
    return runtime_outside_capture("cudaHostRegister", [&]() -> int {
        return flags != 0 ? (int) INVALID_VALUE : register_host(pointer, bytes, current_device());
    });
}

int cudaHostUnregister(void* pointer) {
    return runtime_outside_capture("cudaHostUnregister", [&] {
        int code = synchronize_all();
        int released = release(Kind::REGISTERED, pointer);
        return code != SUCCESS ? code : released;
    });
}

int cudaHostGetDevicePointer(void** device_pointer, void* pointer, unsigned flags) {
    return runtime("cudaHostGetDevicePointer", [&]() -> int {
        Allocation allocation = overlapped(pointer, 1);
        if (flags != 0 || allocation.start == nullptr || allocation.kind == Kind::DEVICE) {
            return INVALID_VALUE;
        }
        *device_pointer = pointer;
        return SUCCESS;
    });
}

int cudaMemcpyAsync(void* to, const void* from, size_t bytes, int direction, Stream* stream) {
    return runtime("cudaMemcpyAsync", [&] { return copy_later(to, from, bytes, direction, stream); });
}

// On the default stream: it does not wait for streams made with cudaStreamNonBlocking.
int cudaMemcpy(void* to, const void* from, size_t bytes, int direction) {
    return runtime("cudaMemcpy", [&] {
        if (int code = refuse_in_capture(CAPTURE_IMPLICIT)) {
            return code;
        }
        int code = copy_later(to, from, bytes, direction, nullptr);
        return code != SUCCESS ? code : synchronize(nullptr);
    });
}

int cudaMemsetAsync(void* pointer, int value, size_t bytes, Stream* stream) {
    return runtime("cudaMemsetAsync", [&]() -> int {
        if (bytes == 0) {
            return SUCCESS;
        }
        if (!is_valid(pointer, bytes, true)) {
            report("cudaMemsetAsync of %zu bytes at %p: not in one allocation of device memory", bytes, pointer);
            return INVALID_VALUE;
        }
        return enqueue(stream, [=] { memset(pointer, value, bytes); return (int) SUCCESS; });
    });
}

int cudaStreamCreateWithFlags(Stream** stream, unsigned flags) {
    return runtime("cudaStreamCreateWithFlags", [&] { return create_stream(flags, stream); });
}

int cudaStreamDestroy(Stream* stream) {
    return runtime("cudaStreamDestroy", [&] { return destroy_stream(stream); });
}

int cudaStreamSynchronize(Stream* stream) {
    return runtime_outside_capture("cudaStreamSynchronize", [&] { return synchronize(stream); });
}

int cudaDeviceSynchronize() {
    return runtime_outside_capture("cudaDeviceSynchronize", [] { return synchronize_all(); });
}

int cudaStreamWaitEvent(Stream* stream, Event* event, unsigned flags) {
    return runtime("cudaStreamWaitEvent",
                   [&] { return flags > 1 ? INVALID_VALUE : wait_event(stream, event, flags == 1); });
}

int cudaEventCreateWithFlags(Event** event, unsigned flags) {
    return runtime("cudaEventCreateWithFlags", [&] { return create_event(flags, event); });
}

int cudaEventDestroy(Event* event) {
    return runtime("cudaEventDestroy", [&] { return destroy_event(event); });
}

int cudaEventRecord(Event* event, Stream* stream) {
    return runtime("cudaEventRecord", [&] { return record(event, stream, false); });
}

int cudaEventRecordWithFlags(Event* event, Stream* stream, unsigned flags) {
    return runtime("cudaEventRecordWithFlags",
                   [&] { return flags > 1 ? INVALID_VALUE : record(event, stream, flags == 1); });
}

int cudaEventSynchronize(Event* event) {
    return runtime_outside_capture("cudaEventSynchronize", [&] { return synchronize_event(event); });
}

int cudaEventElapsedTime(float* milliseconds, Event* start, Event* end) {
    return runtime("cudaEventElapsedTime", [&] { return elapsed(start, end, milliseconds); });
}

int cudaStreamBeginCapture(Stream* stream, int mode) {
    constexpr int THREAD_LOCAL = 1;
    return runtime("cudaStreamBeginCapture",
                   [&] { return mode != THREAD_LOCAL ? (int) NOT_SUPPORTED : begin_capture(stream); });
}

int cudaStreamEndCapture(Stream* stream, Graph** graph) {
    return runtime("cudaStreamEndCapture", [&] { return end_capture(stream, graph); });
}

int cudaGraphInstantiate(GraphExec** exec, Graph* graph, unsigned long long flags) {
    return runtime("cudaGraphInstantiate",
                   [&] { return flags != 0 ? (int) NOT_SUPPORTED : instantiate(graph, exec); });
}

int cudaGraphLaunch(GraphExec* exec, Stream* stream) {
    return runtime("cudaGraphLaunch", [&] {
        int code = launch(exec, stream);
        count_launch();
        return code;
    });
}

int cudaGraphDestroy(Graph* graph) {
    return runtime("cudaGraphDestroy", [&] { return destroy_graph(graph); });
}

int cudaGraphExecDestroy(GraphExec* exec) {
    return runtime("cudaGraphExecDestroy", [&] { return destroy_exec(exec); });
}

int cudaGetLastError() {
    int code = last_error;
    last_error = SUCCESS;
    return fault() != SUCCESS ? fault() : code;
}

const char* cudaGetErrorName(int code) {
    const ErrorText* text = error_text(code);
    return text == nullptr ? "unrecognized error code" : text->runtime_name;
}

const char* cudaGetErrorString(int code) {
    const ErrorText* text = error_text(code);
    return text == nullptr ? "unrecognized error code" : text->text;
}

}  // extern "C"
