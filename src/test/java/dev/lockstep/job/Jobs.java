package dev.lockstep.job;

import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.InvalidInputException;
import java.nio.file.Path;
import java.util.List;

/** Job files for tests. */
final class Jobs {
    static final Path BASE = Path.of("/base/jobs");

    /** The keys that every job needs, each line in a known place. */
    static final String MINIMAL = """
            name: tiny
            data:
              train: {format: synthetic, samples: 100, features: 4, classes: 3}
            model:
              - linear: {in: 4, out: 8}
              - relu
              - linear: {in: 8, out: 3}
            optimizer:
              sgd: {lr: 0.1}
            train:
              epochs: 2
              batch-size: 10
            """;

    private Jobs() {}

    static Job parse(String yaml, String... sets) {
        return JobFile.parse(yaml, BASE, "job.yaml", List.of(sets));
    }

    static String errorOf(String yaml, String... sets) {
        return assertThrows(InvalidInputException.class, () -> parse(yaml, sets)).getMessage();
    }

    /** The minimal job with one of its pieces replaced; fails where the piece does not occur exactly once. */
    static String with(String piece, String replacement) {
        int at = MINIMAL.indexOf(piece);
        if (at < 0 || MINIMAL.indexOf(piece, at + 1) >= 0) {
            throw new IllegalArgumentException(piece);
        }
        return MINIMAL.replace(piece, replacement);
    }
}
