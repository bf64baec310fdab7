package dev.lockstep.data;

import java.util.Arrays;

/** Different texts, numbered as they come, from 0 on; looked up by their bytes, without an object for each look. */
final class CategoryTable {
    private byte[][] texts = new byte[16][];
    private int[] hashes = new int[16];
    private int size;
    /** Number of the text plus 1; 0: free. At most half are taken. */
    private int[] slots = new int[64];

    int size() {
        return size;
    }

    byte[] text(int number) {
        return texts[number];
    }

    /** The number of the text in {@code bytes[start … end)}; -1 if it is not here. */
    int find(byte[] bytes, int start, int end) {
        int hash = hash(bytes, start, end);
        for (int slot = hash & slots.length - 1; slots[slot] != 0; slot = slot + 1 & slots.length - 1) {
            int number = slots[slot] - 1;
            byte[] text = texts[number];
            if (hashes[number] == hash && Arrays.equals(text, 0, text.length, bytes, start, end)) {
                return number;
            }
        }
        return -1;
    }

    /** Adds a text that is not here; returns its number. */
    int add(byte[] bytes, int start, int end) {
        if (size == texts.length) {
            texts = Arrays.copyOf(texts, 2 * size);
            hashes = Arrays.copyOf(hashes, 2 * size);
        }
        texts[size] = Arrays.copyOfRange(bytes, start, end);
        hashes[size] = hash(bytes, start, end);
        if (2 * size >= slots.length) {
            slots = new int[2 * slots.length];
            for (int number = 0; number < size; number++) {
                occupy(number);
            }
        }
        occupy(size);
        return size++;
    }

    private void occupy(int number) {
        int slot = hashes[number] & slots.length - 1;
        while (slots[slot] != 0) {
            slot = slot + 1 & slots.length - 1;
        }
        slots[slot] = number + 1;
    }

    private static int hash(byte[] bytes, int start, int end) {
        int hash = end - start;
        for (int i = start; i < end; i++) {
            hash = 31 * hash + bytes[i];
        }
        return hash ^ hash >>> 15;
    }
}
