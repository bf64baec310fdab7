package dev.lockstep.data;

/**
 * Sizes of a data set that need not be loaded yet.
 *
 * @param samples       at least 1
 * @param features      numbers in each sample, at least 1
 * @param residentBytes of device memory that it takes when loaded, labels included; Long.MAX_VALUE for more than that
 */
public record DatasetInfo(int samples, int features, long residentBytes) {
}
