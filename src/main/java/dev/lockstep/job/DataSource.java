package dev.lockstep.job;

import java.nio.file.Path;

/** Where samples come from. */
public sealed interface DataSource {

    /** Two IDX files, gzipped or not; both paths are absolute and normalised. */
    record Idx(Path images, Path labels) implements DataSource {}

    /** Samples drawn from {@code seed}, the same on every rank and machine; all counts are at least 1. */
    record Synthetic(int samples, int features, int classes, long seed) implements DataSource {}

    /** The same with numbers as targets, not classes. */
    record SyntheticValues(int samples, int features, int outputs, long seed) implements DataSource {}
}
