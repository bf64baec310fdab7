// Runs kernels, block after block, on the calling thread.
#pragma once

#include "../kernel_abi.h"

namespace stand_in {

void run_kernel(const stand_in_kernel::Kernel& kernel, dim3 grid, dim3 block, void* const* arguments);
const stand_in_kernel::Runtime& kernel_runtime();

}  // namespace stand_in
