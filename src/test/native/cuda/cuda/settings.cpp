// What a test can set, and what the stand-in counts. See README.md for the settings.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <sstream>

#include "../stand_in.h"

namespace stand_in {
namespace {

struct State {
    std::mutex mutex;
    std::map<std::string, std::string> settings;
    std::map<std::string, long> calls;
    long launches = 0;
    int fault = SUCCESS;
};

// Never destroyed: threads of the stand-in outlive main().
State& state() {
    static State* state = new State;
    return *state;
}

std::string look_up(const char* name, const std::string& otherwise) {
    auto set = state().settings.find(name);
    if (set != state().settings.end()) {
        return set->second;
    }
    const char* variable = getenv((std::string("CUDA_STAND_IN_") + name).c_str());
    return variable == nullptr ? otherwise : variable;
}

long look_up_number(const char* name, long otherwise) {
    std::string value = look_up(name, "");
    return value.empty() ? otherwise : strtol(value.c_str(), nullptr, 10);
}

// FAIL is a list of CALL=CODE (each such call) and CALL:NUMBER=CODE (that one, counted from 1), separated by commas.
int injected(const std::string& call, long number) {
    std::istringstream rules(look_up("FAIL", ""));
    for (std::string rule; std::getline(rules, rule, ',');) {
        size_t equals = rule.find('=');
        std::string which = rule.substr(0, equals);
        if (equals != std::string::npos && (which == call || which == call + ":" + std::to_string(number))) {
            return atoi(rule.c_str() + equals + 1);
        }
    }
    return SUCCESS;
}

}  // namespace

void report(const char* format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "CUDA stand-in: %s\n", line);
}

long number(const char* name, long otherwise) {
    std::lock_guard<std::mutex> lock(state().mutex);
    return look_up_number(name, otherwise);
}

std::string text(const char* name, const std::string& otherwise) {
    std::lock_guard<std::mutex> lock(state().mutex);
    return look_up(name, otherwise);
}

int enter(const char* call) {
    std::lock_guard<std::mutex> lock(state().mutex);
    return injected(call, ++state().calls[call]);
}

int enter_with_device(const char* call) {
    if (int code = enter(call)) {
        return code;
    }
    if (number("DRIVER_VERSION", 13000) < number("RUNTIME_VERSION", 13000) / 1000 * 1000) {
        return INSUFFICIENT_DRIVER;
    }
    if (visible_devices().empty()) {
        return NO_DEVICE;
    }
    initialize_driver();
    return fault();
}

int fault() {
    std::lock_guard<std::mutex> lock(state().mutex);
    return state().fault;
}

void set_fault(int code) {
    std::lock_guard<std::mutex> lock(state().mutex);
    if (state().fault == SUCCESS) {
        state().fault = code;
    }
}

void count_launch() {
    std::lock_guard<std::mutex> lock(state().mutex);
    long last = look_up_number("LOST_AFTER_LAUNCHES", -1);
    if (last >= 0 && ++state().launches > last && state().fault == SUCCESS) {
        state().fault = (int) look_up_number("LOST_CODE", LAUNCH_FAILURE);
    }
}

void reset_settings() {
    std::lock_guard<std::mutex> lock(state().mutex);
    state().settings.clear();
    state().calls.clear();
    state().launches = 0;
    state().fault = SUCCESS;
}

void set_setting(const std::string& name, const std::string& value) {
    std::lock_guard<std::mutex> lock(state().mutex);
    state().settings[name] = value;
}

long call_count(const std::string& call) {
    std::lock_guard<std::mutex> lock(state().mutex);
    auto found = state().calls.find(call);
    return found == state().calls.end() ? 0 : found->second;
}

}  // namespace stand_in
