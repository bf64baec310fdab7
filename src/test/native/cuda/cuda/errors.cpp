// Names of the errors that the stand-in can return, of itself or because a test wants it to.
#include "../stand_in.h"

namespace stand_in {

const ErrorText* error_text(int code) {
    struct Entry {
        int code;
        ErrorText text;
    };
    static const Entry ENTRIES[] = {
        {0, {"cudaSuccess", "CUDA_SUCCESS", "no error"}},
        {1, {"cudaErrorInvalidValue", "CUDA_ERROR_INVALID_VALUE", "invalid argument"}},
        {2, {"cudaErrorMemoryAllocation", "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}},
        {3, {"cudaErrorInitializationError", "CUDA_ERROR_NOT_INITIALIZED", "initialization error"}},
        {9, {"cudaErrorInvalidConfiguration", "CUDA_ERROR_UNKNOWN", "invalid configuration argument"}},
        {21, {"cudaErrorInvalidMemcpyDirection", "CUDA_ERROR_UNKNOWN", "invalid copy direction for memcpy"}},
        {35, {"cudaErrorInsufficientDriver", "CUDA_ERROR_UNKNOWN",
              "CUDA driver version is insufficient for CUDA runtime version"}},
        {46, {"cudaErrorDevicesUnavailable", "CUDA_ERROR_DEVICE_UNAVAILABLE", "device is busy or unavailable"}},
        {100, {"cudaErrorNoDevice", "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"}},
        {101, {"cudaErrorInvalidDevice", "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"}},
        {200, {"cudaErrorInvalidKernelImage", "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"}},
        {201, {"cudaErrorDeviceUninitialized", "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"}},
        {209, {"cudaErrorNoKernelImageForDevice", "CUDA_ERROR_NO_BINARY_FOR_GPU",
               "no kernel image is available for execution on the device"}},
        {214, {"cudaErrorECCUncorrectable", "CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"}},
        {400, {"cudaErrorInvalidResourceHandle", "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"}},
        {500, {"cudaErrorSymbolNotFound", "CUDA_ERROR_NOT_FOUND", "named symbol not found"}},
        {600, {"cudaErrorNotReady", "CUDA_ERROR_NOT_READY", "device not ready"}},
        {700, {"cudaErrorIllegalAddress", "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}},
        {710, {"cudaErrorAssert", "CUDA_ERROR_ASSERT", "device-side assert triggered"}},
        {712, {"cudaErrorHostMemoryAlreadyRegistered", "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED",
               "part or all of the requested memory range is already mapped"}},
        {719, {"cudaErrorLaunchFailure", "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"}},
        {801, {"cudaErrorNotSupported", "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"}},
        {900, {"cudaErrorStreamCaptureUnsupported", "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
               "operation not permitted when stream is capturing"}},
        {901, {"cudaErrorStreamCaptureInvalidated", "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
               "operation failed due to a previous error during capture"}},
        {902, {"cudaErrorStreamCaptureMerge", "CUDA_ERROR_STREAM_CAPTURE_MERGE",
               "operation would result in a merge of separate capture sequences"}},
        {903, {"cudaErrorStreamCaptureUnmatched", "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED",
               "capture was not ended in the same stream as it began"}},
        {904, {"cudaErrorStreamCaptureUnjoined", "CUDA_ERROR_STREAM_CAPTURE_UNJOINED",
               "capturing stream has unjoined work"}},
        {905, {"cudaErrorStreamCaptureIsolation", "CUDA_ERROR_STREAM_CAPTURE_ISOLATION",
               "dependency created on uncaptured work in another stream"}},
        {906, {"cudaErrorStreamCaptureImplicit", "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT",
               "operation would make the legacy stream depend on a capturing blocking stream"}},
        {907, {"cudaErrorCapturedEvent", "CUDA_ERROR_CAPTURED_EVENT",
               "operation not permitted on an event last recorded in a capturing stream"}},
        {908, {"cudaErrorStreamCaptureWrongThread", "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD",
               "attempt to terminate a thread-local capture sequence from another thread"}},
        {999, {"cudaErrorUnknown", "CUDA_ERROR_UNKNOWN", "unknown error"}},
    };
    for (const Entry& entry : ENTRIES) {
        if (entry.code == code) {
            return &entry.text;
        }
    }
    return nullptr;
}

}  // namespace stand_in
