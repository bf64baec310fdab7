package dev.lockstep.data;

import java.util.OptionalInt;

/**
 * Sizes of a data set that need not be loaded yet.
 *
 * @param samples       at least 1
 * @param features      numbers in each sample, at least 1
 * @param outputs       numbers in each sample's target, at least 1; empty where a target is the label of a class
 * @param residentBytes of device memory that it takes when loaded, targets included; Long.MAX_VALUE for more than that
 */
public record DatasetInfo(int samples, int features, OptionalInt outputs, long residentBytes) {
    /** Of samples that belong to classes. */
    public DatasetInfo(int samples, int features, long residentBytes) {
        this(samples, features, OptionalInt.empty(), residentBytes);
    }
}
