package dev.lockstep.device.reference;

/**
 * Philox4x32-10: four random words from a key of two and a counter of four, by ten rounds of multiplications. Salmon,
 * Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011.
 */
final class Philox {
    private static final int ROUNDS = 10;
    private static final long MULTIPLIER_0 = 0xD2511F53L;
    private static final long MULTIPLIER_1 = 0xCD9E8D57L;
    private static final int WEYL_0 = 0x9E3779B9;
    private static final int WEYL_1 = 0xBB67AE85;

    private Philox() {
    }

    /** @param counter of four words, which stay */
    static int[] words(int key0, int key1, int... counter) {
        int[] words = counter.clone();
        int k0 = key0;
        int k1 = key1;
        for (int round = 0; round < ROUNDS; round++) {
            long product0 = MULTIPLIER_0 * Integer.toUnsignedLong(words[0]);
            long product1 = MULTIPLIER_1 * Integer.toUnsignedLong(words[2]);
            words = new int[] {(int) (product1 >>> Integer.SIZE) ^ words[1] ^ k0, (int) product1,
                (int) (product0 >>> Integer.SIZE) ^ words[3] ^ k1, (int) product0};
            k0 += WEYL_0;
            k1 += WEYL_1;
        }
        return words;
    }
}
