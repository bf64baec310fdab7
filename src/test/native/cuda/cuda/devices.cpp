// The devices of the virtual machine: DEVICES of them, seen through CUDA_VISIBLE_DEVICES.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "../stand_in.h"

namespace stand_in {
namespace {

thread_local int current = 0;
thread_local bool is_context_current = false;
std::atomic<bool> is_initialized{false};

DeviceInfo device(int number) {
    DeviceInfo info;
    info.number = number;
    for (int i = 0; i < 16; ++i) {
        info.uuid[i] = (unsigned char) (i * 17 + number * 29 + 5);
    }
    char bus_id[16];
    snprintf(bus_id, sizeof bus_id, "0000:%02X:00.0", 0x1B + 0x20 * number);
    info.pci_bus_id = bus_id;
    return info;
}

std::string uuid_text(const DeviceInfo& device) {
    std::string text = "GPU-";
    for (int i = 0; i < 16; ++i) {
        char digits[4];
        snprintf(digits, sizeof digits, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", device.uuid[i]);
        text += digits;
    }
    return text;
}

// The device that an entry of CUDA_VISIBLE_DEVICES names, by its number or by the start of its UUID; -1 if none.
int named(const std::string& entry, int count) {
    char* end;
    long number = strtol(entry.c_str(), &end, 10);
    if (!entry.empty() && *end == 0) {
        return number >= 0 && number < count ? (int) number : -1;
    }
    int found = -1;
    for (int i = 0; i < count && entry.size() > 4; ++i) {
        if (uuid_text(device(i)).compare(0, entry.size(), entry) == 0) {
            found = found < 0 ? i : -1;
        }
    }
    return found;
}

}  // namespace

std::vector<DeviceInfo> visible_devices() {
    int count = (int) number("DEVICES", 2);
    std::vector<DeviceInfo> devices;
    const char* variable = getenv("CUDA_VISIBLE_DEVICES");
    std::string visible = text("VISIBLE_DEVICES", variable == nullptr ? "all" : variable);
    if (visible == "all") {
        for (int i = 0; i < count; ++i) {
            devices.push_back(device(i));
        }
        return devices;
    }
    std::istringstream entries(visible);
    for (std::string entry; std::getline(entries, entry, ',');) {
        int number = named(entry, count);
        if (number < 0) {
            break;  // as CUDA does: what follows an entry that names no device is not seen either
        }
        devices.push_back(device(number));
    }
    return devices;
}

int compute_capability() {
    return (int) number("COMPUTE_CAPABILITY", 90);
}

int attribute(int attribute, const DeviceInfo& device, int* value) {
    switch (attribute) {
        case 1: *value = 1024; break;                       // threads of a block
        case 8: *value = 48 * 1024; break;                  // shared memory of a block, bytes
        case 10: *value = 32; break;                        // lanes of a warp
        case 16: *value = 4; break;                         // multiprocessors
        case 18: *value = 0; break;                         // integrated
        case 19: *value = 1; break;                         // maps host memory
        case 20: *value = 0; break;                         // compute mode: default
        case 33: *value = 0x1B + 0x20 * device.number; break;  // PCI bus
        case 34: *value = 0; break;                         // PCI device
        case 38: *value = 4 << 20; break;                   // L2 cache, bytes
        case 39: *value = 2048; break;                      // threads of a multiprocessor
        case 40: *value = 2; break;                         // copy engines
        case 41: *value = 1; break;                         // unified addressing
        case 50: *value = 0; break;                         // PCI domain
        case 75: *value = compute_capability() / 10; break;
        case 76: *value = compute_capability() % 10; break;
        case 134: *value = (int) number("HOST_NUMA_NODE", 0); break;
        default: return INVALID_VALUE;
    }
    return SUCCESS;
}

int current_device() {
    return current;
}

void set_current_device(int device) {
    current = device;
}

void initialize_driver() {
    is_initialized = true;
}

bool is_driver_initialized() {
    return is_initialized;
}

void make_context_current() {
    is_context_current = true;
}

bool has_context() {
    return is_context_current;
}

}  // namespace stand_in
