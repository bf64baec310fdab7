// Elements dropped at random, and the counters that say which; see LayerOperations.java.
#pragma once
#include "kernel.h"

#define PHILOX_WORDS 4

// Philox4x32-10: the words of counter c under key (k0, k1), in c's place.
INLINE void philox(unsigned* c, unsigned k0, unsigned k1) {
    UNROLL(10) for (int round = 0; round < 10; ++round) {
        const unsigned long product0 = 0xD2511F53ul * c[0];
        const unsigned long product1 = 0xCD9E8D57ul * c[2];
        c[0] = (unsigned) (product1 >> 32) ^ c[1] ^ k0;
        c[1] = (unsigned) product1;
        c[2] = (unsigned) (product0 >> 32) ^ c[3] ^ k1;
        c[3] = (unsigned) product0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

// counters: the step, the micro-batch. The elements are the tensor's from first on, a multiple of four. y may be x.
KERNEL(dropout, (const real* x, real* y, const unsigned* RESTRICT counters, unsigned key0, unsigned key1,
                 unsigned layer_and_rank, unsigned threshold, float scale, long first, long count)) {
    const unsigned step = counters[0], micro_batch = counters[1];
    FOR_EACH(block, count / PHILOX_WORDS) {
        unsigned words[PHILOX_WORDS] = {(unsigned) (first / PHILOX_WORDS + block), layer_and_rank, step, micro_batch};
        philox(words, key0, key1);
        const long i = block * PHILOX_WORDS;
        const float factors[PHILOX_WORDS] = {words[0] < threshold ? 0.0f : scale, words[1] < threshold ? 0.0f : scale,
                                             words[2] < threshold ? 0.0f : scale, words[3] < threshold ? 0.0f : scale};
        const float values[PHILOX_WORDS] = {x[i], x[i + 1], x[i + 2], x[i + 3]};
        y[i] = values[0] * factors[0];
        y[i + 1] = values[1] * factors[1];
        y[i + 2] = values[2] * factors[2];
        y[i + 3] = values[3] * factors[3];
    }
    ONCE {
        const long done = count / PHILOX_WORDS * PHILOX_WORDS;
        unsigned words[PHILOX_WORDS] = {(unsigned) ((first + done) / PHILOX_WORDS), layer_and_rank, step, micro_batch};
        philox(words, key0, key1);
        for (long i = done; i < count; ++i) {
            y[i] = x[i] * (words[i - done] < threshold ? 0.0f : scale);
        }
    }
}

// One more in counters[index]; those behind it become 0.
KERNEL(count_up, (int* counters, int index, int count)) {
    ONCE {
        counters[index] += 1;
        for (int i = index + 1; i < count; ++i) {
            counters[i] = 0;
        }
    }
}
