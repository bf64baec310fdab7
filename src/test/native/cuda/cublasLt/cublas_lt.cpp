// cuBLASLt's interface: descriptors, heuristics, matmuls that run later on a stream.
#include <cstring>
#include <set>

#include "../stand_in.h"
#include "matmul.h"
#include "status.h"

using namespace stand_in;

namespace {

enum ComputeType { COMPUTE_32F = 68, COMPUTE_32F_FAST_TF32 = 77 };

struct Handle {
    int unused;
};

struct Layout {
    int type;
    int order = 0;
    uint64_t rows, columns;
    int64_t leading_dimension;
    int batch_count = 1;
};

struct Description {
    int compute_type, scale_type;
    int pointer_mode = 0, transpose_a = 0, transpose_b = 0, transpose_c = 0, epilogue = EPILOGUE_DEFAULT;
    int bias_type = -1;
    void* bias = nullptr;
    void* mask = nullptr;
    int64_t mask_leading_dimension = 0;
};

struct Preference {
    uint64_t workspace_bytes = 0;
    uint32_t reduction_schemes = 0x7;
    uint32_t alignment[4] = {256, 256, 256, 256};  // of a, b, c, d
};

// What the 64 bytes of a cublasLtMatmulAlgo_t hold here.
struct Algorithm {
    char magic[8];
    uint64_t workspace_bytes;
    uint32_t alignment[4];
    int compute_type, type_ab, type_cd, epilogue, transpose_a, transpose_b;
};
static_assert(sizeof(Algorithm) <= 64, "an algorithm is 64 bytes long");
constexpr char MAGIC[8] = "STANDIN";

struct HeuristicResult {
    char algorithm[64];
    size_t workspace_bytes;
    int status;
    float waves;
    int reserved[4];
};
static_assert(sizeof(HeuristicResult) == 96, "as in cuBLASLt");

// Copies an attribute of exactly the size that it has.
template <class T>
int assign(T& field, const void* value, size_t bytes) {
    if (value == nullptr || bytes != sizeof field) {
        return INVALID_VALUE_STATUS;
    }
    memcpy(&field, value, sizeof field);
    return OK;
}

bool is_epilogue(int epilogue) {
    switch (epilogue) {
        case EPILOGUE_DEFAULT: case EPILOGUE_RELU: case EPILOGUE_BIAS: case EPILOGUE_RELU_BIAS:
        case EPILOGUE_RELU_AUX: case EPILOGUE_RELU_AUX_BIAS: case EPILOGUE_DRELU: case EPILOGUE_DRELU_BGRAD:
        case EPILOGUE_BGRADA: case EPILOGUE_BGRADB:
            return true;
        default:
            return false;
    }
}

Operand operand(const Layout& layout) {
    return {nullptr, (DataType) layout.type, (int64_t) layout.rows, (int64_t) layout.columns, layout.leading_dimension};
}

// Whether the library could do it at all; fills in the shapes.
int describe(const Description& description, const Layout& a, const Layout& b, const Layout& c, const Layout& d,
             Matmul& matmul) {
    matmul = {};
    matmul.a = operand(a);
    matmul.b = operand(b);
    matmul.c = operand(c);
    matmul.d = operand(d);
    matmul.transpose_a = description.transpose_a != 0;
    matmul.transpose_b = description.transpose_b != 0;
    matmul.is_tf32 = description.compute_type == COMPUTE_32F_FAST_TF32;
    matmul.epilogue = (Epilogue) description.epilogue;
    matmul.mask_leading_dimension = description.mask_leading_dimension;
    for (const Layout* layout : {&a, &b, &c, &d}) {
        if (layout->rows == 0 || layout->columns == 0 || layout->leading_dimension < (int64_t) layout->rows) {
            return INVALID_VALUE_STATUS;
        }
        if (layout->order != 0 || layout->batch_count != 1) {
            return NOT_SUPPORTED_STATUS;
        }
    }
    int64_t rows_b = matmul.transpose_b ? matmul.b.columns : matmul.b.rows;
    int64_t columns_b = matmul.transpose_b ? matmul.b.rows : matmul.b.columns;
    int64_t rows_a = matmul.transpose_a ? matmul.a.columns : matmul.a.rows;
    if (rows_a != matmul.m() || columns_b != matmul.n() || rows_b != matmul.k() || c.rows != d.rows
            || c.columns != d.columns) {
        return INVALID_VALUE_STATUS;
    }
    bool is_fp32 = a.type == R_32F && b.type == R_32F && c.type == R_32F && d.type == R_32F;
    bool is_bf16 = a.type == R_16BF && b.type == R_16BF && c.type == d.type && (d.type == R_16BF || d.type == R_32F);
    bool is_computable = (description.compute_type == COMPUTE_32F && (is_fp32 || is_bf16))
            || (matmul.is_tf32 && is_fp32);
    if (!is_computable || description.scale_type != R_32F || description.pointer_mode != 0
            || description.transpose_c != 0 || description.transpose_a > 1 || description.transpose_b > 1
            || !is_epilogue(description.epilogue) || (description.bias_type != -1 && description.bias_type != d.type)) {
        return NOT_SUPPORTED_STATUS;
    }
    if (matmul.uses_mask()) {
        if (description.mask_leading_dimension % 128 != 0 || description.mask_leading_dimension < matmul.m()) {
            return INVALID_VALUE_STATUS;
        }
    }
    return OK;
}

Algorithm algorithm(const Description& description, const Layout& a, const Layout& d, uint64_t workspace_bytes,
                    const uint32_t* alignment) {
    Algorithm algorithm = {};
    memcpy(algorithm.magic, MAGIC, sizeof MAGIC);
    algorithm.workspace_bytes = workspace_bytes;
    memcpy(algorithm.alignment, alignment, sizeof algorithm.alignment);
    algorithm.compute_type = description.compute_type;
    algorithm.type_ab = a.type;
    algorithm.type_cd = d.type;
    algorithm.epilogue = description.epilogue;
    algorithm.transpose_a = description.transpose_a;
    algorithm.transpose_b = description.transpose_b;
    return algorithm;
}

bool is_for(const Algorithm& chosen, const Algorithm& wanted) {
    return memcmp(chosen.magic, MAGIC, sizeof MAGIC) == 0 && chosen.compute_type == wanted.compute_type
            && chosen.type_ab == wanted.type_ab && chosen.type_cd == wanted.type_cd
            && chosen.epilogue == wanted.epilogue && chosen.transpose_a == wanted.transpose_a
            && chosen.transpose_b == wanted.transpose_b;
}

bool is_aligned(const Matmul& matmul, const Algorithm& algorithm) {
    const void* pointers[] = {matmul.a.data, matmul.b.data, matmul.c.data, matmul.d.data};
    for (int i = 0; i < 4; ++i) {
        if (algorithm.alignment[i] != 0 && (uintptr_t) pointers[i] % algorithm.alignment[i] != 0) {
            report("cublasLtMatmul: operand %c lies at %p, but its algorithm was asked for with an alignment of %u "
                   "bytes", "abcd"[i], pointers[i], algorithm.alignment[i]);
            return false;
        }
    }
    return true;
}

bool is_reachable(const char* what, const void* data, size_t bytes, int device) {
    if (reachable(data, bytes, device)) {
        return true;
    }
    report("cublasLtMatmul: %s, %zu bytes at %p, does not lie in memory of the device", what, bytes, data);
    return false;
}

int run(const Matmul& matmul, int device) {
    size_t bias_bytes = (size_t) matmul.bias_length() * (matmul.d.type == R_32F ? 4 : 2);
    if (!is_reachable("a", matmul.a.data, matmul.a.bytes(), device)
            || !is_reachable("b", matmul.b.data, matmul.b.bytes(), device)
            || (matmul.beta != 0.0f && !is_reachable("c", matmul.c.data, matmul.c.bytes(), device))
            || !is_reachable("d", matmul.d.data, matmul.d.bytes(), device)
            || (matmul.uses_bias() && !is_reachable("the bias", matmul.bias, bias_bytes, device))
            || (matmul.uses_mask() && !is_reachable("the mask", matmul.mask,
                                          (size_t) (matmul.n() * matmul.mask_leading_dimension / 8), device))
            || (matmul.workspace_bytes != 0
                && !is_reachable("the workspace", matmul.workspace, matmul.workspace_bytes, device))) {
        return ILLEGAL_ADDRESS;
    }
    run_matmul(matmul);
    return SUCCESS;
}

int status_of(int code) {
    return code == SUCCESS ? OK : code == NOT_SUPPORTED ? NOT_SUPPORTED_STATUS : EXECUTION_FAILED;
}

}  // namespace

extern "C" {

int cublasLtCreate(Handle** handle) {
    if (int code = enter("cublasLtCreate")) {
        return code;
    }
    if (visible_devices().empty() || fault() != SUCCESS) {
        return NOT_INITIALIZED_STATUS;
    }
    *handle = new Handle();
    return OK;
}

int cublasLtDestroy(Handle* handle) {
    if (int code = enter("cublasLtDestroy")) {
        return code;
    }
    delete handle;
    return OK;
}

size_t cublasLtGetVersion() {
    return (size_t) number("CUBLAS_VERSION", 130000);
}

int cublasLtMatmulDescCreate(Description** description, int compute_type, int scale_type) {
    if (int code = enter("cublasLtMatmulDescCreate")) {
        return code;
    }
    *description = new Description();
    (*description)->compute_type = compute_type;
    (*description)->scale_type = scale_type;
    return OK;
}

int cublasLtMatmulDescDestroy(Description* description) {
    delete description;
    return enter("cublasLtMatmulDescDestroy");
}

int cublasLtMatmulDescSetAttribute(Description* d, int attribute, const void* value, size_t bytes) {
    if (int code = enter("cublasLtMatmulDescSetAttribute")) {
        return code;
    }
    switch (attribute) {
        case 0: return assign(d->compute_type, value, bytes);
        case 1: return assign(d->scale_type, value, bytes);
        case 2: return assign(d->pointer_mode, value, bytes);
        case 3: return assign(d->transpose_a, value, bytes);
        case 4: return assign(d->transpose_b, value, bytes);
        case 5: return assign(d->transpose_c, value, bytes);
        case 7: return assign(d->epilogue, value, bytes);
        case 8: return assign(d->bias, value, bytes);
        case 11: return assign(d->mask, value, bytes);
        case 12: return assign(d->mask_leading_dimension, value, bytes);
        case 26: return assign(d->bias_type, value, bytes);
        default: return INVALID_VALUE_STATUS;
    }
}

int cublasLtMatrixLayoutCreate(Layout** layout, int type, uint64_t rows, uint64_t columns, int64_t leading_dimension) {
    if (int code = enter("cublasLtMatrixLayoutCreate")) {
        return code;
    }
    *layout = new Layout();
    (*layout)->type = type;
    (*layout)->rows = rows;
    (*layout)->columns = columns;
    (*layout)->leading_dimension = leading_dimension;
    return OK;
}

int cublasLtMatrixLayoutDestroy(Layout* layout) {
    delete layout;
    return enter("cublasLtMatrixLayoutDestroy");
}

int cublasLtMatrixLayoutSetAttribute(Layout* layout, int attribute, const void* value, size_t bytes) {
    if (int code = enter("cublasLtMatrixLayoutSetAttribute")) {
        return code;
    }
    switch (attribute) {
        case 0: return assign(layout->type, value, bytes);
        case 1: return assign(layout->order, value, bytes);
        case 2: return assign(layout->rows, value, bytes);
        case 3: return assign(layout->columns, value, bytes);
        case 4: return assign(layout->leading_dimension, value, bytes);
        case 5: return assign(layout->batch_count, value, bytes);
        default: return INVALID_VALUE_STATUS;
    }
}

int cublasLtMatmulPreferenceCreate(Preference** preference) {
    if (int code = enter("cublasLtMatmulPreferenceCreate")) {
        return code;
    }
    *preference = new Preference();
    return OK;
}

int cublasLtMatmulPreferenceDestroy(Preference* preference) {
    delete preference;
    return enter("cublasLtMatmulPreferenceDestroy");
}

int cublasLtMatmulPreferenceSetAttribute(Preference* preference, int attribute, const void* value, size_t bytes) {
    if (int code = enter("cublasLtMatmulPreferenceSetAttribute")) {
        return code;
    }
    constexpr int WORKSPACE_BYTES = 1, REDUCTION_SCHEMES = 3, FIRST_ALIGNMENT = 5, LAST_ALIGNMENT = 8;
    if (attribute == WORKSPACE_BYTES) {
        return assign(preference->workspace_bytes, value, bytes);
    }
    if (attribute == REDUCTION_SCHEMES) {
        return assign(preference->reduction_schemes, value, bytes);
    }
    return attribute >= FIRST_ALIGNMENT && attribute <= LAST_ALIGNMENT
            ? assign(preference->alignment[attribute - FIRST_ALIGNMENT], value, bytes) : (int) INVALID_VALUE_STATUS;
}

int cublasLtMatmulAlgoGetHeuristic(Handle* handle, Description* description, Layout* a, Layout* b, Layout* c, Layout* d,
                                   Preference* preference, int wanted, HeuristicResult* results, int* count) {
    if (int code = enter("cublasLtMatmulAlgoGetHeuristic")) {
        return code;
    }
    *count = 0;
    if (refuse_in_capture() != SUCCESS) {
        return INTERNAL_ERROR;  // some versions of cuBLASLt ask the stream's context, which they may not then
    }
    if (handle == nullptr || wanted < 1) {
        return INVALID_VALUE_STATUS;
    }
    Matmul matmul;
    if (int status = describe(*description, *a, *b, *c, *d, matmul)) {
        return status;
    }
    // The best first; of these, what the preference leaves room for.
    for (uint64_t workspace_bytes : {1u << 20, 64u << 10, 0u}) {
        if (workspace_bytes <= preference->workspace_bytes && *count < wanted) {
            HeuristicResult& result = results[(*count)++];
            memset(&result, 0, sizeof result);
            Algorithm found = algorithm(*description, *a, *d, workspace_bytes, preference->alignment);
            memcpy(result.algorithm, &found, sizeof found);
            result.workspace_bytes = workspace_bytes;
            result.waves = 1.0f;
        }
    }
    return OK;
}

int cublasLtMatmul(Handle* handle, Description* description, const float* alpha, void* a, Layout* a_layout, void* b,
                   Layout* b_layout, const float* beta, void* c, Layout* c_layout, void* d, Layout* d_layout,
                   const void* chosen, void* workspace, size_t workspace_bytes, Stream* stream) {
    if (int code = enter("cublasLtMatmul")) {
        return code;
    }
    if (handle == nullptr || alpha == nullptr || beta == nullptr) {
        return handle == nullptr ? NOT_INITIALIZED_STATUS : INVALID_VALUE_STATUS;
    }
    if (fault() != SUCCESS) {
        return EXECUTION_FAILED;
    }
    Matmul matmul;
    if (int status = describe(*description, *a_layout, *b_layout, *c_layout, *d_layout, matmul)) {
        return status;
    }
    matmul.a.data = a;
    matmul.b.data = b;
    matmul.c.data = c;
    matmul.d.data = d;
    matmul.alpha = *alpha;
    matmul.beta = *beta;
    matmul.bias = description->bias;
    matmul.mask = (char*) description->mask;
    if ((matmul.uses_bias() && matmul.bias == nullptr) || (matmul.uses_mask() && matmul.mask == nullptr)
            || (c == d && c_layout->leading_dimension != d_layout->leading_dimension)) {
        return INVALID_VALUE_STATUS;
    }
    const uint32_t NO_ALIGNMENT[4] = {};
    Algorithm wanted = algorithm(*description, *a_layout, *d_layout, 0, NO_ALIGNMENT), given = wanted;
    if (chosen != nullptr) {
        memcpy(&given, chosen, sizeof given);
    }
    if (!is_for(given, wanted)) {
        return NOT_SUPPORTED_STATUS;
    }
    if (given.workspace_bytes > workspace_bytes || !is_aligned(matmul, given)) {
        return INVALID_VALUE_STATUS;
    }
    matmul.workspace = workspace;
    matmul.workspace_bytes = given.workspace_bytes;
    int device;
    if (int code = stream_device(stream, &device)) {
        return status_of(code);
    }
    int code = enqueue(stream, [=] { return run(matmul, device); });
    count_launch();
    return status_of(code);
}

}  // extern "C"
