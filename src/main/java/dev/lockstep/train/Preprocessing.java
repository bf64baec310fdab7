package dev.lockstep.train;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.lockstep.InvalidInputException;
import dev.lockstep.data.CsvEncoding;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** A checkpoint's preprocessing.json: what the columns of its training data became. Its doubles read back as they were. */
public final class Preprocessing {
    static final String FILE = "preprocessing.json";

    /** More than the largest encoding that any data needs. */
    private static final int LARGEST_BYTES = 1 << 30;

    private static final JsonMapper JSON = JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .addMixIn(CsvEncoding.Column.class, Kinds.class).build();

    /** How the file calls the kinds of columns. */
    @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
    @JsonSubTypes({
        @JsonSubTypes.Type(value = CsvEncoding.Numeric.class, name = "numeric"),
        @JsonSubTypes.Type(value = CsvEncoding.Categorical.class, name = "categorical"),
        @JsonSubTypes.Type(value = CsvEncoding.Classes.class, name = "classes"),
        @JsonSubTypes.Type(value = CsvEncoding.Target.class, name = "target"),
        @JsonSubTypes.Type(value = CsvEncoding.Dropped.class, name = "dropped")})
    private interface Kinds {
    }

    private Preprocessing() {
    }

    /** The file's content. */
    public static byte[] toBytes(CsvEncoding encoding) {
        try {
            return JSON.writeValueAsBytes(encoding);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("an encoding that is no JSON: " + encoding, e);
        }
    }

    /**
     * Reads what {@link #toBytes} wrote.
     *
     * @throws InvalidInputException if it is something else
     */
    public static CsvEncoding parse(byte[] bytes) {
        try {
            return JSON.readValue(bytes, CsvEncoding.class);
        } catch (IOException e) {
            throw new InvalidInputException("the checkpoint's " + FILE + " is not one that this version writes; use another"
                    + " checkpoint", e);
        }
    }

    /** The encoding of the checkpoint's training data; empty where that was not of CSV files. */
    public static Optional<CsvEncoding> of(Checkpoint checkpoint) {
        if (!checkpoint.state().files().containsKey(FILE)) {
            return Optional.empty();
        }
        Path file = checkpoint.folder().resolve(FILE);
        try (InputStream in = Files.newInputStream(file)) {
            return Optional.of(parse(in.readNBytes(LARGEST_BYTES)));
        } catch (IOException e) {
            throw new InvalidInputException(file + " cannot be read (" + IoMessages.of(e) + "); use another checkpoint", e);
        }
    }

    /**
     * For a run that goes on: what the model has learnt is of features as they were then.
     *
     * @throws InvalidInputException if the training data's columns have become something else since the checkpoint
     */
    public static void requireUnchanged(Checkpoint checkpoint, Optional<CsvEncoding> now) {
        Optional<CsvEncoding> then = of(checkpoint);
        if (!then.equals(now)) {
            throw new InvalidInputException("--resume: data.train has other columns, categories or statistics ("
                    + difference(then, now)
                    + ") than " + checkpoint.folder() + " was made with; give it the same rows, or start anew with another"
                    + " --output");
        }
    }

    private static String difference(Optional<CsvEncoding> then, Optional<CsvEncoding> now) {
        List<CsvEncoding.Column> before = then.map(CsvEncoding::columns).orElse(List.of());
        List<CsvEncoding.Column> after = now.map(CsvEncoding::columns).orElse(List.of());
        for (int i = 0; i < Math.min(before.size(), after.size()); i++) {
            if (!before.get(i).equals(after.get(i))) {
                return "those of column " + i;
            }
        }
        return before.size() == after.size() ? "or options" : after.size() + " columns, not " + before.size();
    }
}
