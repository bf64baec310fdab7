// NVRTC over the C++ compiler: a program becomes a shared library, behind a header that stands for a cubin's.
#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <regex>
#include <set>
#include <sstream>

#include "../kernel_abi.h"
#include "../stand_in.h"

namespace files = std::filesystem;
using stand_in_kernel::CubinHeader;

extern char** environ;

namespace {

enum Result {
    OK = 0,
    PROGRAM_CREATION_FAILURE = 2,
    INVALID_INPUT = 3,
    INVALID_PROGRAM = 4,
    INVALID_OPTION = 5,
    COMPILATION = 6,
    INTERNAL_ERROR = 11,
};

const std::vector<int> ARCHITECTURES = {75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121};

struct Program {
    std::string name, source, log, cubin;
    std::vector<std::pair<std::string, std::string>> headers;  // name, source
};

std::mutex mutex;  // of the set
std::set<Program*>& programs() {
    static auto* programs = new std::set<Program*>;
    return *programs;
}

bool is_live(Program* program) {
    std::lock_guard<std::mutex> lock(mutex);
    return programs().count(program) != 0;
}

std::string read(const files::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write(const files::path& path, const std::string& text) {
    files::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
}

// A folder that goes when the object does.
struct TemporaryFolder {
    files::path path;

    TemporaryFolder() {
        std::string name = files::temp_directory_path() / "cuda-stand-in-XXXXXX";
        path = mkdtemp(&name[0]) == nullptr ? "" : name;
    }

    ~TemporaryFolder() {
        std::error_code ignored;
        files::remove_all(path, ignored);
    }
};

// Where device.h and kernel_abi.h lie: beside the folder of this library.
std::string include_folder() {
    Dl_info info;
    dladdr((void*) include_folder, &info);
    return files::path(info.dli_fname).parent_path().parent_path() / "include";
}

// Runs g++ in the folder, its messages added to the log; its exit status.
int compiler(const files::path& folder, std::vector<std::string> arguments, std::string& log) {
    arguments.insert(arguments.begin(), "g++");
    std::vector<char*> words;
    for (std::string& argument : arguments) {
        words.push_back(&argument[0]);
    }
    words.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t child;
    int error = posix_spawnp(&child, "g++", &actions, nullptr, words.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        log += std::string("g++ cannot be run: ") + strerror(error) + "\n";
        return 127;
    }
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    log += read(folder / "log");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

// The options of NVRTC that mean something here, or nothing but are harmless; any other is refused, as NVRTC does.
int read_options(int count, const char* const* options, int& architecture, std::vector<std::string>& arguments,
                 std::string& log) {
    architecture = ARCHITECTURES.front();
    for (int i = 0; i < count; ++i) {
        std::string option = options[i];
        std::smatch match;
        if (std::regex_match(option, match, std::regex("(--gpu-architecture|-arch)=sm_(\\d+)[af]?"))) {
            architecture = std::stoi(match[2]);
        } else if (std::regex_match(option, match, std::regex("(-D|--define-macro=)(\\w+(=.*)?)"))) {
            arguments.push_back("-D" + match[2].str());
        } else if (!std::regex_match(option, std::regex("--?(std=c\\+\\+17|fmad=.*|use_fast_math|lineinfo|"
                                                        "generate-line-info|restrict|default-device)"))) {
            log = "nvrtc: error: unrecognized option " + option + "\n";
            return INVALID_OPTION;
        }
    }
    if (std::find(ARCHITECTURES.begin(), ARCHITECTURES.end(), architecture) == ARCHITECTURES.end()) {
        log = "nvrtc: error: invalid value for --gpu-architecture (-arch)\n";
        return INVALID_OPTION;
    }
    arguments.push_back("-D__CUDACC__");
    arguments.push_back("-D__CUDACC_RTC__");
    arguments.push_back("-D__CUDA_ARCH__=" + std::to_string(architecture * 10));
    return OK;
}

// The preprocessed program as plain C++, and a table of its kernels behind it.
std::string with_table(const std::string& preprocessed) {
    static const std::regex KERNEL("extern\\s*\"C\"\\s*__global__\\s+void\\s+(\\w+)\\s*\\(");
    std::ostringstream table;
    int count = 0;
    for (std::sregex_iterator i(preprocessed.begin(), preprocessed.end(), KERNEL), end; i != end; ++i) {
        table << "stand_in_kernel::entry<&" << (*i)[1] << ">(\"" << (*i)[1] << "\"),\n";
        ++count;
    }
    std::string code = std::regex_replace(preprocessed, std::regex("\\b__global__\\b"), "");
    return code + "\n# 1 \"kernel table\"\nstatic const stand_in_kernel::Kernel stand_in_kernels[] = {\n" + table.str()
            + "{}};\nextern \"C\" __attribute__((visibility(\"default\"))) stand_in_kernel::Program stand_in_program = "
              "{&stand_in_kernel::runtime, stand_in_kernels, " + std::to_string(count) + "};\n";
}

int compile(Program& program, int option_count, const char* const* options) {
    int architecture;
    std::vector<std::string> preprocess = {"-E", "-std=c++17", "-x", "c++", "-I.", "-isystem", include_folder(),
                                           "-include", "device.h", "-o", "preprocessed.ii"};
    if (int code = read_options(option_count, options, architecture, preprocess, program.log)) {
        return code;
    }
    TemporaryFolder folder;
    if (folder.path.empty()) {
        return INTERNAL_ERROR;
    }
    for (const auto& header : program.headers) {
        write(folder.path / header.first, header.second);
    }
    write(folder.path / program.name, program.source);
    preprocess.push_back(program.name);
    if (compiler(folder.path, preprocess, program.log) != 0) {
        return COMPILATION;
    }
    write(folder.path / "program.ii", with_table(read(folder.path / "preprocessed.ii")));
    if (compiler(folder.path, {"-std=c++17", "-O1", "-w", "-fno-strict-aliasing", "-fvisibility=hidden", "-fPIC",
                               "-shared", "-U_FORTIFY_SOURCE", "-o", "program.so", "program.ii"}, program.log) != 0) {
        return COMPILATION;
    }
    std::string library = read(folder.path / "program.so");
    CubinHeader header = {};
    memcpy(header.magic, stand_in_kernel::CUBIN_MAGIC, sizeof header.magic);
    header.architecture = (unsigned) architecture;
    header.checksum = stand_in_kernel::checksum(library.data(), library.size());
    header.bytes = library.size();
    program.cubin = std::string((const char*) &header, sizeof header) + library;
    return OK;
}

bool is_safe(const std::string& name) {
    return !name.empty() && files::path(name).is_relative() && name.find("..") == std::string::npos;
}

}  // namespace

extern "C" {

int nvrtcVersion(int* major, int* minor) {
    int version = (int) stand_in::number("NVRTC_VERSION", 13000);
    *major = version / 1000;
    *minor = version % 1000 / 10;
    return stand_in::enter("nvrtcVersion");
}

int nvrtcGetNumSupportedArchs(int* count) {
    *count = (int) ARCHITECTURES.size();
    return stand_in::enter("nvrtcGetNumSupportedArchs");
}

int nvrtcGetSupportedArchs(int* architectures) {
    std::copy(ARCHITECTURES.begin(), ARCHITECTURES.end(), architectures);
    return stand_in::enter("nvrtcGetSupportedArchs");
}

int nvrtcCreateProgram(Program** program, const char* source, const char* name, int header_count,
                       const char* const* headers, const char* const* header_names) {
    if (int code = stand_in::enter("nvrtcCreateProgram")) {
        return code;
    }
    if (program == nullptr || source == nullptr || header_count < 0) {
        return INVALID_INPUT;
    }
    auto created = std::make_unique<Program>();
    created->source = source;
    created->name = name == nullptr || *name == 0 ? "default_program" : name;
    if (!is_safe(created->name)) {
        return PROGRAM_CREATION_FAILURE;
    }
    for (int i = 0; i < header_count; ++i) {
        if (!is_safe(header_names[i])) {
            return PROGRAM_CREATION_FAILURE;
        }
        created->headers.push_back({header_names[i], headers[i]});
    }
    std::lock_guard<std::mutex> lock(mutex);
    *program = created.release();
    programs().insert(*program);
    return OK;
}

int nvrtcDestroyProgram(Program** program) {
    if (int code = stand_in::enter("nvrtcDestroyProgram")) {
        return code;
    }
    std::lock_guard<std::mutex> lock(mutex);
    if (program == nullptr || programs().erase(*program) == 0) {
        return INVALID_PROGRAM;
    }
    delete *program;
    *program = nullptr;
    return OK;
}

int nvrtcCompileProgram(Program* program, int option_count, const char* const* options) {
    if (int code = stand_in::enter("nvrtcCompileProgram")) {
        return code;
    }
    if (!is_live(program)) {
        return INVALID_PROGRAM;
    }
    program->log.clear();
    program->cubin.clear();
    try {
        return compile(*program, option_count, options);
    } catch (const files::filesystem_error& e) {
        program->log = e.what();
        return INTERNAL_ERROR;
    }
}

// Sizes count the log's closing 0, as NVRTC's do.
int nvrtcGetProgramLogSize(Program* program, size_t* bytes) {
    if (int code = stand_in::enter("nvrtcGetProgramLogSize")) {
        return code;
    }
    if (!is_live(program)) {
        return INVALID_PROGRAM;
    }
    *bytes = program->log.size() + 1;
    return OK;
}

int nvrtcGetProgramLog(Program* program, char* log) {
    if (int code = stand_in::enter("nvrtcGetProgramLog")) {
        return code;
    }
    if (!is_live(program)) {
        return INVALID_PROGRAM;
    }
    memcpy(log, program->log.c_str(), program->log.size() + 1);
    return OK;
}

int nvrtcGetCUBINSize(Program* program, size_t* bytes) {
    if (int code = stand_in::enter("nvrtcGetCUBINSize")) {
        return code;
    }
    if (!is_live(program)) {
        return INVALID_PROGRAM;
    }
    *bytes = program->cubin.size();
    return OK;
}

int nvrtcGetCUBIN(Program* program, char* cubin) {
    if (int code = stand_in::enter("nvrtcGetCUBIN")) {
        return code;
    }
    if (!is_live(program)) {
        return INVALID_PROGRAM;
    }
    memcpy(cubin, program->cubin.data(), program->cubin.size());
    return OK;
}

const char* nvrtcGetErrorString(int code) {
    static const char* NAMES[] = {
        "NVRTC_SUCCESS", "NVRTC_ERROR_OUT_OF_MEMORY", "NVRTC_ERROR_PROGRAM_CREATION_FAILURE",
        "NVRTC_ERROR_INVALID_INPUT", "NVRTC_ERROR_INVALID_PROGRAM", "NVRTC_ERROR_INVALID_OPTION",
        "NVRTC_ERROR_COMPILATION", "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE",
        "NVRTC_ERROR_NO_NAME_EXPRESSIONS_AFTER_COMPILATION", "NVRTC_ERROR_NO_LOWERED_NAMES_BEFORE_COMPILATION",
        "NVRTC_ERROR_NAME_EXPRESSION_NOT_VALID", "NVRTC_ERROR_INTERNAL_ERROR"};
    return code >= 0 && code <= INTERNAL_ERROR ? NAMES[code] : "NVRTC_ERROR unknown";
}

}  // extern "C"
