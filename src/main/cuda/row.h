// What the threads of a block have found in their parts of a row, put together: all of them get the result, in an order
// that is the same in each run. On the CPU one thread has seen the whole row. All threads of the block must come past
// each call. A block has a multiple of 32 threads.
#pragma once
#include "kernel.h"

#ifdef LOCKSTEP_GPU
#define ALL_LANES 0xffffffffu
#define LANES 32
#endif

template <typename T>
INLINE T row_sum(T sum) {
#ifdef LOCKSTEP_GPU
    for (int distance = LANES / 2; distance > 0; distance /= 2) {
        sum += __shfl_xor_sync(ALL_LANES, sum, distance);
    }
    if (blockDim.x > LANES) {
        __shared__ T sums[LANES];
        __syncthreads();  // an earlier call's readers are done
        if (threadIdx.x % LANES == 0) {
            sums[threadIdx.x / LANES] = sum;
        }
        __syncthreads();
        sum = 0;
        for (int warp = 0; warp < blockDim.x / LANES; ++warp) {
            sum += sums[warp];
        }
    }
#endif
    return sum;
}

// NaN compares as the largest, as in torch.argmax.
INLINE bool exceeds(float a, float b) {
    return a > b || (a != a && b == b);
}

#ifdef LOCKSTEP_GPU
INLINE long first_of_larger(const real* x, long a, long b) {
    return exceeds(x[b], x[a]) || (b < a && !exceeds(x[a], x[b])) ? b : a;
}
#endif

// The first of the row's largest elements, where largest is the first in the thread's part.
INLINE long row_first_of_largest([[maybe_unused]] const real* x, long largest) {
#ifdef LOCKSTEP_GPU
    for (int distance = LANES / 2; distance > 0; distance /= 2) {
        largest = first_of_larger(x, largest, __shfl_xor_sync(ALL_LANES, largest, distance));
    }
    if (blockDim.x > LANES) {
        __shared__ long largests[LANES];
        __syncthreads();  // an earlier call's readers are done
        if (threadIdx.x % LANES == 0) {
            largests[threadIdx.x / LANES] = largest;
        }
        __syncthreads();
        for (int warp = 0; warp < blockDim.x / LANES; ++warp) {
            largest = first_of_larger(x, largest, largests[warp]);
        }
    }
#endif
    return largest;
}
