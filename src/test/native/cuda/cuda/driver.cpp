// The driver's interface: devices, modules, launches.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "../stand_in.h"
#include "blocks.h"

using namespace stand_in;
using stand_in_kernel::CubinHeader;
using stand_in_kernel::Kernel;
using stand_in_kernel::Program;

namespace {

struct Function {
    const Kernel* kernel;
};

struct Module {
    void* library;
    std::map<std::string, Function> functions;
};

std::mutex mutex;
std::map<Module*, std::unique_ptr<Module>>& modules() {
    static auto* modules = new std::map<Module*, std::unique_ptr<Module>>;
    return *modules;
}

int enter_driver(const char* call) {
    if (int code = enter(call)) {
        return code;
    }
    return is_driver_initialized() ? fault() : (int) NOT_INITIALIZED;
}

int enter_with_context(const char* call) {
    int code = enter_driver(call);
    return code != SUCCESS || has_context() ? code : (int) INVALID_CONTEXT;
}

bool is_live(const Function* function) {
    std::lock_guard<std::mutex> lock(mutex);
    for (const auto& module : modules()) {
        for (const auto& entry : module.second->functions) {
            if (&entry.second == function) {
                return true;
            }
        }
    }
    return false;
}

// The library has to be a file for a moment.
void* open_library(const char* bytes, size_t count) {
    const char* folder = getenv("TMPDIR");
    std::string path = std::string(folder == nullptr ? "/tmp" : folder) + "/cuda-stand-in-XXXXXX";
    int file = mkstemp(&path[0]);
    if (file < 0) {
        return nullptr;
    }
    bool is_written = true;
    while (count > 0 && is_written) {
        ssize_t written = write(file, bytes, count);
        is_written = written > 0;
        bytes += written;
        count -= (size_t) written;
    }
    close(file);
    void* library = is_written ? dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
    if (library == nullptr) {
        report("a compiled program cannot be loaded: %s", is_written ? dlerror() : path.c_str());
    }
    unlink(path.c_str());
    return library;
}

int run(const Kernel& kernel, dim3 grid, dim3 block, const std::vector<uint64_t>& values, int device) {
    std::vector<void*> arguments;
    for (int i = 0; i < kernel.parameter_count; ++i) {
        const void* pointer = (const void*) values[2 * (size_t) i];
        if (kernel.parameters[i].is_pointer && pointer != nullptr && !reachable(pointer, 1, device)) {
            report("kernel %s: parameter %d points to no memory of the device: %p", kernel.name, i, pointer);
            return ILLEGAL_ADDRESS;
        }
        arguments.push_back((void*) &values[2 * (size_t) i]);
    }
    run_kernel(kernel, grid, block, arguments.data());
    for (int i = 0; i < kernel.parameter_count; ++i) {
        const void* pointer = (const void*) values[2 * (size_t) i];
        if (kernel.parameters[i].is_pointer && pointer != nullptr && !margins_intact(pointer)) {
            report("kernel %s: something was written beside the memory of parameter %d", kernel.name, i);
            return ILLEGAL_ADDRESS;
        }
    }
    return SUCCESS;
}

}  // namespace

extern "C" {

int cuInit(unsigned flags) {
    if (int code = enter("cuInit")) {
        return code;
    }
    if (flags != 0) {
        return INVALID_VALUE;
    }
    if (number("DEVICES", 2) == 0 || visible_devices().empty()) {
        return NO_DEVICE;
    }
    initialize_driver();
    return SUCCESS;
}

int cuDriverGetVersion(int* version) {
    if (int code = enter("cuDriverGetVersion")) {
        return code;
    }
    *version = (int) number("DRIVER_VERSION", 13000);
    return SUCCESS;
}

int cuDeviceGet(int* device, int ordinal) {
    if (int code = enter_driver("cuDeviceGet")) {
        return code;
    }
    if (ordinal < 0 || ordinal >= (int) visible_devices().size()) {
        return INVALID_DEVICE;
    }
    *device = ordinal;
    return SUCCESS;
}

int cuDeviceGetName(char* name, int length, int device) {
    if (int code = enter_driver("cuDeviceGetName")) {
        return code;
    }
    if (device < 0 || device >= (int) visible_devices().size() || length < 1) {
        return INVALID_DEVICE;
    }
    strncpy(name, "CUDA stand-in", (size_t) length);
    name[length - 1] = 0;
    return SUCCESS;
}

int cuDeviceGetUuid_v2(unsigned char* uuid, int device) {
    if (int code = enter_driver("cuDeviceGetUuid")) {
        return code;
    }
    std::vector<DeviceInfo> devices = visible_devices();
    if (device < 0 || device >= (int) devices.size()) {
        return INVALID_DEVICE;
    }
    memcpy(uuid, devices[(size_t) device].uuid, 16);
    return SUCCESS;
}

int cuModuleLoadData(Module** module, const void* image) {
    if (int code = enter_with_context("cuModuleLoadData")) {
        return code;
    }
    if (int code = refuse_in_capture()) {
        return code;
    }
    CubinHeader header;
    memcpy(&header, image, sizeof header);
    const char* bytes = (const char*) image + sizeof header;
    if (memcmp(header.magic, stand_in_kernel::CUBIN_MAGIC, sizeof header.magic) != 0
            || stand_in_kernel::checksum(bytes, header.bytes) != header.checksum) {
        return INVALID_IMAGE;
    }
    int capability = compute_capability();
    if ((int) header.architecture / 10 != capability / 10 || (int) header.architecture > capability) {
        return NO_BINARY_FOR_GPU;
    }
    void* library = open_library(bytes, header.bytes);
    auto program = library == nullptr ? nullptr : (Program*) dlsym(library, "stand_in_program");
    if (program == nullptr) {
        return INVALID_IMAGE;
    }
    *program->runtime = kernel_runtime();
    auto loaded = std::make_unique<Module>();
    loaded->library = library;
    for (int i = 0; i < program->kernel_count; ++i) {
        loaded->functions[program->kernels[i].name] = {&program->kernels[i]};
    }
    *module = loaded.get();
    std::lock_guard<std::mutex> lock(mutex);
    modules()[*module] = std::move(loaded);
    return SUCCESS;
}

int cuModuleUnload(Module* module) {
    if (int code = enter_with_context("cuModuleUnload")) {
        return code;
    }
    synchronize_all();
    std::lock_guard<std::mutex> lock(mutex);
    auto found = modules().find(module);
    if (found == modules().end()) {
        return INVALID_HANDLE;
    }
    dlclose(module->library);
    modules().erase(found);
    return SUCCESS;
}

int cuModuleGetFunction(Function** function, Module* module, const char* name) {
    if (int code = enter_with_context("cuModuleGetFunction")) {
        return code;
    }
    if (int code = refuse_in_capture()) {
        return code;  // it loads the function
    }
    std::lock_guard<std::mutex> lock(mutex);
    if (modules().count(module) == 0) {
        return INVALID_HANDLE;
    }
    auto found = module->functions.find(name);
    if (found == module->functions.end()) {
        return NOT_FOUND;
    }
    *function = &found->second;
    return SUCCESS;
}

int cuLaunchKernel(Function* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                   unsigned block_y, unsigned block_z, unsigned shared_bytes, Stream* stream, void** parameters,
                   void** extra) {
    if (int code = enter_with_context("cuLaunchKernel")) {
        return code;
    }
    if (!is_live(function)) {
        return INVALID_HANDLE;
    }
    unsigned long long threads = (unsigned long long) block_x * block_y * block_z;
    if (grid_x == 0 || grid_y == 0 || grid_z == 0 || grid_x > 0x7FFFFFFF || grid_y > 0xFFFF || grid_z > 0xFFFF
            || threads == 0 || threads > 1024 || extra != nullptr) {
        return INVALID_VALUE;
    }
    if (shared_bytes != 0) {
        report("dynamic shared memory is not modelled");
        return NOT_SUPPORTED;
    }
    int device;
    if (int code = stream_device(stream, &device)) {
        return code;
    }
    const Kernel* kernel = function->kernel;
    // Two words each, so that every type is aligned.
    std::vector<uint64_t> values(2 * (size_t) kernel->parameter_count);
    for (int i = 0; i < kernel->parameter_count; ++i) {
        memcpy(&values[2 * (size_t) i], parameters[i], kernel->parameters[i].bytes);
    }
    dim3 grid(grid_x, grid_y, grid_z), block(block_x, block_y, block_z);
    int code = enqueue(stream, [=] { return run(*kernel, grid, block, values, device); });
    count_launch();
    return code;
}

int cuGetErrorName(int code, const char** name) {
    const ErrorText* text = error_text(code);
    *name = text == nullptr ? nullptr : text->driver_name;
    return text == nullptr ? INVALID_VALUE : SUCCESS;
}

int cuGetErrorString(int code, const char** string) {
    const ErrorText* text = error_text(code);
    *string = text == nullptr ? nullptr : text->text;
    return text == nullptr ? INVALID_VALUE : SUCCESS;
}

// The real NVRTC, which a test loads beside this driver, looks here for more and crashes where the call itself is
// missing; it gets on without what it asks for.
int cuGetExportTable(const void** table, const void*) {
    *table = nullptr;
    return INVALID_VALUE;
}

}  // extern "C"
