package dev.lockstep.job;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;

/** Reads a job's section {@code data}: where the samples of each split are. */
final class DataReader {
    private final Path baseDirectory;

    /** @param baseDirectory what relative paths are relative to; absolute */
    DataReader(Path baseDirectory) {
        this.baseDirectory = baseDirectory;
    }

    DataConfig data(Fields data) {
        data.require("train");
        return new DataConfig(source(data.map("train")), beside(data, "test"), beside(data, "validation"));
    }

    /** A split beside the training data; null stands for none. */
    private Optional<DataSource> beside(Fields data, String split) {
        return data.find(split).filter(value -> !value.isNull()).map(value -> source(data.map(split)));
    }

    private DataSource source(Fields source) {
        Value format = source.require("format");
        String name = format.text("idx or synthetic");
        if (!JobKeys.DATA_FORMATS.containsKey(name)) {
            throw format.mustBe("idx or synthetic");
        }
        JobKeys.DATA_FORMATS.forEach((other, keys) -> keys.stream()
                .filter(key -> !other.equals(name) && source.has(key))
                .findFirst()
                .ifPresent(key -> {
                    throw source.error(key, "key " + Text.quoted(source.require(key).path())
                            + " goes with format " + other + ", not with " + name);
                }));
        if (name.equals("idx")) {
            return new DataSource.Idx(file(source.require("images")), file(source.require("labels")));
        }
        return new DataSource.Synthetic(
                source.require("samples").wholeInt(1),
                source.require("features").wholeInt(1),
                source.require("classes").wholeInt(1),
                source.get("seed", "0").wholeNumber(0, Long.MAX_VALUE));
    }

    private Path file(Value value) {
        return baseDirectory.resolve(path(value, value.text("the path of a file"))).normalize();
    }

    static Path path(Value value, String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw value.mustBe("a path that this system can name (" + e.getReason() + ")");
        }
    }
}
