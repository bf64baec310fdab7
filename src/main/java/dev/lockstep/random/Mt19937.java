package dev.lockstep.random;

import java.nio.FloatBuffer;

/**
 * The Mersenne Twister of Matsumoto and Nishimura, drawn from as PyTorch's CPU generator draws from it: the same seed
 * gives the same permutations and the same uniform floats, bit for bit. Not for use by several threads at once.
 */
public final class Mt19937 {
    /** From this many elements on PyTorch permutes by another algorithm, which is not offered here. */
    public static final int PERMUTATION_LIMIT = 214_748_364;

    private static final int N = 624;
    private static final int M = 397;
    private static final int UPPER_BIT = 0x8000_0000;
    private static final int LOWER_BITS = 0x7FFF_FFFF;
    private static final int TWIST = 0x9908_B0DF;

    private final int[] state = new int[N];
    private int next;

    /** A generator as after torch.manual_seed(seed): of the seed, only the lower 32 bits count. */
    public Mt19937(long seed) {
        seed(seed);
    }

    /** Starts again as {@code new Mt19937(seed)} does. */
    public void seed(long seed) {
        state[0] = (int) seed;
        for (int i = 1; i < N; i++) {
            state[i] = 1_812_433_253 * (state[i - 1] ^ (state[i - 1] >>> 30)) + i;
        }
        next = N;
    }

    /** The next 32 random bits. */
    public int nextInt() {
        if (next == N) {
            twist();
        }
        int y = state[next++];
        y ^= y >>> 11;
        y ^= (y << 7) & 0x9D2C_5680;
        y ^= (y << 15) & 0xEFC6_0000;
        return y ^ (y >>> 18);
    }

    /** A float of [from, to), or {@code to} itself where rounding leads there; takes one draw. */
    public float uniform(float from, float to) {
        float x = (nextInt() & 0xFF_FFFF) * 0x1p-24f;
        return Math.fma(x, to - from, from);
    }

    /** Fills what remains of {@code target}, in order, as torch.Tensor.uniform_ fills a float tensor. */
    public void uniform(float from, float to, FloatBuffer target) {
        while (target.hasRemaining()) {
            target.put(uniform(from, to));
        }
    }

    /**
     * A permutation of 0 … n − 1, as torch.randperm(n).
     *
     * @throws IllegalArgumentException from n = {@link #PERMUTATION_LIMIT} on
     */
    public int[] randperm(int n) {
        checkPermutable(n);
        int[] permutation = new int[n];
        randperm(permutation);
        return permutation;
    }

    /**
     * Overwrites {@code target} with a permutation of 0 … length − 1, as torch.randperm(length).
     *
     * @throws IllegalArgumentException from {@link #PERMUTATION_LIMIT} elements on
     */
    public void randperm(int[] target) {
        int n = target.length;
        checkPermutable(n);
        for (int i = 0; i < n; i++) {
            target[i] = i;
        }
        for (int i = 0; i < n - 1; i++) {
            int j = i + (int) (Integer.toUnsignedLong(nextInt()) % (n - i));
            int swapped = target[i];
            target[i] = target[j];
            target[j] = swapped;
        }
    }

    private static void checkPermutable(int n) {
        if (n >= PERMUTATION_LIMIT) {
            throw new IllegalArgumentException("a permutation of " + n + " elements; at most " + (PERMUTATION_LIMIT - 1));
        }
    }

    private void twist() {
        for (int i = 0; i < N - M; i++) {
            state[i] = state[i + M] ^ mix(state[i], state[i + 1]);
        }
        for (int i = N - M; i < N - 1; i++) {
            state[i] = state[i + M - N] ^ mix(state[i], state[i + 1]);
        }
        state[N - 1] = state[M - 1] ^ mix(state[N - 1], state[0]);
        next = 0;
    }

    private static int mix(int upper, int lower) {
        int y = (upper & UPPER_BIT) | (lower & LOWER_BITS);
        return (y >>> 1) ^ ((y & 1) == 0 ? 0 : TWIST);
    }
}
