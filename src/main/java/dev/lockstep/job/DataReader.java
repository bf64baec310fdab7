package dev.lockstep.job;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Reads a job's section {@code data}: where the samples of each split are. */
final class DataReader {
    private static final String FORMATS = "one of " + String.join(", ", JobKeys.DATA_FORMATS.keySet());

    private final Path baseDirectory;

    /** @param baseDirectory what relative paths are relative to; absolute */
    DataReader(Path baseDirectory) {
        this.baseDirectory = baseDirectory;
    }

    DataConfig data(Fields data) {
        data.require("train");
        DataSource train = source(data.map("train"), true);
        return new DataConfig(train, beside(train, data, "test"), beside(train, data, "validation"));
    }

    /** A split beside the training data; null stands for none. */
    private Optional<DataSource> beside(DataSource train, Fields data, String split) {
        if (data.find(split).filter(value -> !value.isNull()).isEmpty()) {
            return Optional.empty();
        }
        Fields fields = data.map(split);
        DataSource source = source(fields, false);
        if (source instanceof DataSource.Csv && !(train instanceof DataSource.Csv)) {
            throw fields.error("format", "'data." + split + "' is read as the training data is, so that its format is"
                    + " csv only where"
                    + " that of data.train is");
        }
        return Optional.of(source);
    }

    private DataSource source(Fields source, boolean training) {
        Value format = source.require("format");
        String name = format.text(FORMATS);
        if (!JobKeys.DATA_FORMATS.containsKey(name)) {
            throw format.mustBe(FORMATS);
        }
        JobKeys.DATA_FORMATS.forEach((other, keys) -> keys.stream()
                .filter(key -> !other.equals(name) && source.has(key))
                .findFirst()
                .ifPresent(key -> {
                    throw source.error(key, "key " + Text.quoted(source.require(key).path())
                            + " goes with format " + other + ", not with " + name);
                }));
        return switch (name) {
            case "idx" -> idx(source);
            case "csv" -> new DataSource.Csv(files(source.require("files"), "a CSV file"), CsvReader.columns(source,
                    training));
            default -> synthetic(source);
        };
    }

    private static DataSource synthetic(Fields source) {
        int samples = source.require("samples").wholeInt(1);
        int features = source.require("features").wholeInt(1);
        long seed = source.get("seed", "0").wholeNumber(0, Long.MAX_VALUE);
        if (!source.has("outputs")) {
            return new DataSource.Synthetic(samples, features, source.require("classes").wholeInt(1), seed);
        }
        Value outputs = source.require("outputs");
        if (source.has("classes")) {
            throw source.error("outputs", Text.quoted(outputs.path()) + " and 'classes' beside it exclude each other: keep"
                    + " outputs for numbers to predict, classes for labels");
        }
        return new DataSource.SyntheticValues(samples, features, outputs.wholeInt(1), seed);
    }

    private DataSource idx(Fields source) {
        List<Path> images = files(source.require("images"), "an IDX file");
        Value labels = source.require("labels");
        List<Path> labelFiles = files(labels, "an IDX file");
        if (images.size() != labelFiles.size()) {
            throw labels.error(Text.quoted(labels.path()) + " must name as many files as 'images' does, " + images.size()
                    + ", not " + labelFiles.size());
        }
        return new DataSource.Idx(images, labelFiles);
    }

    private List<Path> files(Value value, String file) {
        String expected = "the path of " + file + ", or a list of such paths";
        if (!(value.node() instanceof YamlNode.Sequence list)) {
            return List.of(file(value, expected));
        }
        if (list.items().isEmpty()) {
            throw value.error(Text.quoted(value.path()) + " is empty; it needs " + expected);
        }
        return value.items(expected).stream().map(item -> file(item, expected)).toList();
    }

    private Path file(Value value, String expected) {
        return baseDirectory.resolve(path(value, value.text(expected))).normalize();
    }

    static Path path(Value value, String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw value.mustBe("a path that this system can name (" + e.getReason() + ")");
        }
    }
}
