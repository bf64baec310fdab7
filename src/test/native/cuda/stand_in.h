// What the libraries of the stand-in share. libcuda.so.1 holds it, and with it the only state; the others link to it.
// README.md says what the stand-in is for and how a test sets it up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace stand_in {

// CUresult and cudaError_t agree on these numbers.
enum Code {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NOT_INITIALIZED = 3,
    INVALID_CONFIGURATION = 9,
    INVALID_DIRECTION = 21,
    INSUFFICIENT_DRIVER = 35,
    DEVICES_UNAVAILABLE = 46,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    NO_BINARY_FOR_GPU = 209,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    NOT_READY = 600,
    ILLEGAL_ADDRESS = 700,
    ASSERT = 710,
    ALREADY_REGISTERED = 712,
    LAUNCH_FAILURE = 719,
    NOT_SUPPORTED = 801,
    CAPTURE_UNSUPPORTED = 900,
    CAPTURE_INVALIDATED = 901,
    CAPTURE_MERGE = 902,
    CAPTURE_UNMATCHED = 903,
    CAPTURE_UNJOINED = 904,
    CAPTURE_ISOLATION = 905,
    CAPTURE_IMPLICIT = 906,
    CAPTURED_EVENT = 907,
    CAPTURE_WRONG_THREAD = 908,
    UNKNOWN = 999,
};

struct ErrorText {
    const char* runtime_name;
    const char* driver_name;
    const char* text;
};
// Null for a number that is no error.
const ErrorText* error_text(int code);

// One line on standard error.
void report(const char* format, ...) __attribute__((format(printf, 1, 2)));

// --- Settings (settings.cpp): CUDA_STAND_IN_<name>, unless a test has set another value.
long number(const char* name, long otherwise);
std::string text(const char* name, const std::string& otherwise);
// Counts a call by its name; the error that a test wants it to return, or 0.
int enter(const char* call);
// The same for a call that needs a working device: sticky errors, and no device at all.
int enter_with_device(const char* call);
// The error that all work and all calls have met since a launch failed, or 0.
int fault();
void set_fault(int code);
// Counts a launch; after the one that LOST_AFTER_LAUNCHES names the device is lost.
void count_launch();
void reset_settings();
void set_setting(const std::string& name, const std::string& value);
long call_count(const std::string& call);

// --- Devices (devices.cpp).
struct DeviceInfo {
    int number;  // on the machine, whatever CUDA_VISIBLE_DEVICES says
    unsigned char uuid[16];
    std::string pci_bus_id;
};
std::vector<DeviceInfo> visible_devices();
int attribute(int attribute, const DeviceInfo& device, int* value);
// Of the calling thread.
int current_device();
void set_current_device(int device);
int compute_capability();
// The driver is initialized by cuInit, or by the first call of the runtime.
void initialize_driver();
bool is_driver_initialized();
// Calls of the driver that use a device need it to be current for their thread: the runtime makes it so.
void make_context_current();
bool has_context();

// --- Memory (memory.cpp).
enum class Kind { DEVICE, PINNED, REGISTERED };
struct Allocation {
    char* start = nullptr;
    size_t bytes = 0;
    Kind kind = Kind::DEVICE;
    int device = 0;
};
int allocate(Kind kind, int device, size_t bytes, void** pointer);
int release(Kind kind, void* pointer);
// Host memory of others, pinned from now on.
int register_host(void* pointer, size_t bytes, int device);
// The live allocation that overlaps [pointer, pointer + bytes); its start is null if there is none.
Allocation overlapped(const void* pointer, size_t bytes);
// Whether a kernel on that device may touch the bytes: all in one of its allocations, or in pinned memory.
bool reachable(const void* pointer, size_t bytes, int device);
size_t total_bytes();
size_t used_bytes(int device);
// False if something was written beside the allocation that begins at the pointer or next before it, where its guard pages
// cannot see it.
bool margins_intact(const void* pointer);

// --- Streams, events, graphs (streams.cpp, graphs.cpp). Handles are checked: one that is unknown is INVALID_HANDLE.
struct Stream;
struct Event;
struct Graph;
struct GraphExec;
using Task = std::function<int()>;

int create_stream(unsigned flags, Stream** stream);
int destroy_stream(Stream* stream);
// Null is the default stream of the current device.
int stream_device(Stream* stream, int* device);
int is_capturing(Stream* stream, bool* capturing);
// Runs the task later, or adds it to the graph that the stream captures.
int enqueue(Stream* stream, Task task);
int synchronize(Stream* stream);
// Waits for all streams; 0 if nothing has failed.
int synchronize_all();
int create_event(unsigned flags, Event** event);
int destroy_event(Event* event);
int record(Event* event, Stream* stream, bool external);
int wait_event(Stream* stream, Event* event, bool external);
int synchronize_event(Event* event);
int elapsed(Event* start, Event* end, float* milliseconds);
// For calls that a thread may not make while it captures: refuses, and spoils its capture.
int refuse_in_capture(int code = CAPTURE_UNSUPPORTED);
int begin_capture(Stream* stream);
int end_capture(Stream* stream, Graph** graph);
int destroy_graph(Graph* graph);
int instantiate(Graph* graph, GraphExec** exec);
int launch(GraphExec* exec, Stream* stream);
int destroy_exec(GraphExec* exec);

// Runs the task so that a touched guard page or fail_task() ends it with an error instead of the process.
int run_guarded(const Task& task);
// From within a task; does not return.
[[noreturn]] void fail_task(int code);

}  // namespace stand_in
