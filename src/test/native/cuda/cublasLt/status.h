// cublasStatus_t, as far as the stand-in returns it.
#pragma once

enum Status {
    OK = 0,
    NOT_INITIALIZED_STATUS = 1,
    INVALID_VALUE_STATUS = 7,
    EXECUTION_FAILED = 13,
    INTERNAL_ERROR = 14,
    NOT_SUPPORTED_STATUS = 15,
};
