// Parameters as what the device computes in.
#pragma once
#include "kernel.h"

KERNEL(convert, (const float* RESTRICT source, bfloat16* RESTRICT destination, long count)) {
    FOR_EACH(i, count) {
        destination[i] = source[i];
    }
}
