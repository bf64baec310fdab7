package dev.lockstep.job;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Where samples come from. All paths are absolute and normalised. */
public sealed interface DataSource {

    /** IDX files, gzipped or not; as many of labels as of images, and each goes with the one at the same place. */
    record Idx(List<Path> images, List<Path> labels) implements DataSource {
        public Idx {
            images = List.copyOf(images);
            labels = List.copyOf(labels);
        }

        public Idx(Path images, Path labels) {
            this(List.of(images), List.of(labels));
        }
    }

    /** Samples drawn from {@code seed}, the same on every rank and machine; all counts are at least 1. */
    record Synthetic(int samples, int features, int classes, long seed) implements DataSource {}

    /** The same with numbers as targets, not classes. */
    record SyntheticValues(int samples, int features, int outputs, long seed) implements DataSource {}

    /**
     * CSV files, gzipped or not, with the same columns; at least one.
     *
     * @param columns of training data; empty for the other splits, which are read as the training data is
     */
    record Csv(List<Path> files, Optional<CsvColumns> columns) implements DataSource {
        public Csv {
            files = List.copyOf(files);
        }
    }
}
