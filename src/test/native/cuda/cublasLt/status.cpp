#include "status.h"

extern "C" {

const char* cublasLtGetStatusName(int status) {
    switch (status) {
        case OK: return "CUBLAS_STATUS_SUCCESS";
        case NOT_INITIALIZED_STATUS: return "CUBLAS_STATUS_NOT_INITIALIZED";
        case 3: return "CUBLAS_STATUS_ALLOC_FAILED";
        case INVALID_VALUE_STATUS: return "CUBLAS_STATUS_INVALID_VALUE";
        case 8: return "CUBLAS_STATUS_ARCH_MISMATCH";
        case EXECUTION_FAILED: return "CUBLAS_STATUS_EXECUTION_FAILED";
        case INTERNAL_ERROR: return "CUBLAS_STATUS_INTERNAL_ERROR";
        case NOT_SUPPORTED_STATUS: return "CUBLAS_STATUS_NOT_SUPPORTED";
        default: return "unknown CUBLAS_STATUS";
    }
}

const char* cublasLtGetStatusString(int status) {
    switch (status) {
        case OK: return "success";
        case NOT_INITIALIZED_STATUS: return "the library was not initialized";
        case 3: return "the resource allocation failed";
        case INVALID_VALUE_STATUS: return "an unsupported value or parameter was passed to the function";
        case EXECUTION_FAILED: return "the function failed to launch on the GPU";
        case INTERNAL_ERROR: return "an internal operation failed";
        case NOT_SUPPORTED_STATUS: return "the functionality requested is not supported";
        default: return "unknown status";
    }
}

}  // extern "C"
