package dev.lockstep.device.cuda;

import java.util.Locale;

/** Memory of a GPU in bytes, as far as it is free now, and all of it. */
public record CudaMemory(long freeBytes, long totalBytes) {
    /** {@code "2.50 GiB of 80.00 GiB are free"}. */
    @Override
    public String toString() {
        return size(freeBytes) + " of " + size(totalBytes) + " are free";
    }

    /** In the largest unit that it reaches. */
    static String size(long bytes) {
        return bytes >= 1L << 30 ? String.format(Locale.ROOT, "%.2f GiB", bytes / (double) (1L << 30))
                : bytes >= 1L << 20 ? String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1L << 20))
                : bytes + " bytes";
    }
}
