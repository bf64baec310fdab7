package dev.lockstep.job;

import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/** Reads a job's section {@code train}. */
final class TrainReader {
    private TrainReader() {}

    static TrainConfig train(Fields train) {
        int epochs = train.require("epochs").wholeInt(1);
        if (train.has("batch-size") == train.has("global-batch")) {
            throw train.has("batch-size")
                    ? train.error("global-batch", "'train.batch-size' and 'train.global-batch' exclude each other;"
                            + " keep one")
                    : train.error("", "required key 'train.batch-size' is missing (or 'train.global-batch', over all"
                            + " ranks)");
        }
        return new TrainConfig(
                epochs,
                batch(train.find("batch-size")),
                batch(train.find("global-batch")),
                train.get("accumulate", "1").wholeInt(1),
                train.get("shuffle", "true").flag(),
                train.get("drop-last", "false").flag(),
                limit(train.find("clip-norm")),
                limit(train.find("clip-value")));
    }

    private static OptionalDouble limit(Optional<Value> value) {
        return value.isEmpty() || value.get().isNull() ? OptionalDouble.empty()
                : OptionalDouble.of(value.get().numberAboveZero(" or null"));
    }

    private static OptionalInt batch(Optional<Value> value) {
        return value.isPresent() ? OptionalInt.of(value.get().wholeInt(1)) : OptionalInt.empty();
    }
}
