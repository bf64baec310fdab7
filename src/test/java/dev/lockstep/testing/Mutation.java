package dev.lockstep.testing;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;

/** Files as damage, carelessness or malice may leave them. */
public final class Mutation {
    private static final byte[] TEXT = "0123456789-+.eE:,;'\"[]{}&*!?|>%@#\\ \n\t\0~abcNxé".getBytes(StandardCharsets.UTF_8);
    /** Ends of ranges, for the high bytes of lengths. */
    private static final byte[] EXTREMES = {0, 1, 0x7F, (byte) 0x80, (byte) 0xFF};

    private Mutation() {}

    /** {@code whole} with one to four changes: cut short, longer, pieces left out or doubled, bytes overwritten. */
    public static byte[] of(byte[] whole, Random random) {
        byte[] bytes = whole.clone();
        for (int change = random.nextInt(4); change >= 0; change--) {
            int from = random.nextInt(bytes.length + 1);
            // Headers matter most.
            from = random.nextBoolean() ? Math.min(from, random.nextInt(64)) : from;
            int to = Math.min(bytes.length, from + random.nextInt(12));
            bytes = switch (random.nextInt(6)) {
                case 0 -> Arrays.copyOf(bytes, random.nextInt(bytes.length + 20));
                case 1 -> join(Arrays.copyOf(bytes, from), Arrays.copyOfRange(bytes, to, bytes.length));
                case 2 -> join(Arrays.copyOf(bytes, to), Arrays.copyOfRange(bytes, from, bytes.length));
                case 3 -> overwritten(bytes, from, to, EXTREMES, random);
                default -> overwritten(bytes, from, Math.min(to, from + 2), TEXT, random);
            };
        }
        return bytes;
    }

    private static byte[] overwritten(byte[] bytes, int from, int to, byte[] values, Random random) {
        for (int i = from; i < to; i++) {
            bytes[i] = values[random.nextInt(values.length)];
        }
        return bytes;
    }

    private static byte[] join(byte[] first, byte[] second) {
        byte[] joined = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, joined, first.length, second.length);
        return joined;
    }
}
