package dev.lockstep.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.lockstep.InvalidInputException;
import dev.lockstep.job.Settings;
import dev.lockstep.train.IoMessages;
import java.io.BufferedReader;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;

/** Reads a run's folder, also while the run is still writing to it, and whatever its version has written. */
final class RunReader {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String CONFIG = "config.yaml";
    private static final String METRICS = "metrics.jsonl";
    private static final String ENVIRONMENT = "environment.json";

    private final Path folder;
    private final NavigableMap<Integer, JsonNode> epochs = new TreeMap<>();
    private final List<JsonNode> validations = new ArrayList<>();
    private Optional<JsonNode> summary = Optional.empty();
    private final Curve losses = new Curve();
    private final Curve learningRates = new Curve();
    private final List<String> notes = new ArrayList<>();

    private RunReader(Path folder) {
        this.folder = folder;
    }

    /**
     * What the folder holds; files that are damaged or missing are noted.
     *
     * @throws InvalidInputException if it is no folder of a run, or its metrics may not be read
     */
    static Run read(Path folder, String name) {
        if (!Files.isDirectory(folder)) {
            throw new InvalidInputException(folder
                    + (Files.exists(folder) ? " is a file, not a run's folder" : " does not exist")
                    + "; name a run's folder, such as runs/NAME");
        }
        if (Files.notExists(folder.resolve(METRICS)) && Files.notExists(folder.resolve(CONFIG))) {
            throw new InvalidInputException(folder + " holds no run: neither " + METRICS + " nor " + CONFIG
                    + "; name a run's folder, such as runs/NAME");
        }
        return new RunReader(folder).run(name);
    }

    private Run run(String name) {
        if (Files.exists(folder.resolve(METRICS))) {
            readMetrics();
        } else {
            notes.add("there is no " + METRICS);
        }
        Map<String, String> settings = settings();
        JsonNode environment = environment();
        if (summary.isEmpty()) {
            notes.add("there is no summary: it is still running, or was ended before it was done");
        }
        return new Run(name, settings, environment, epochs, validations, summary, losses, learningRates, notes);
    }

    private void readMetrics() {
        int skipped = 0;
        boolean lastSkipped = false;
        // Bytes that are no UTF-8 are replaced, and thus only spoil their own line.
        try (LastByte bytes = new LastByte(Files.newInputStream(folder.resolve(METRICS)));
                BufferedReader lines = new BufferedReader(new InputStreamReader(bytes, StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                lastSkipped = !line.isBlank() && !isTaken(line);
                skipped += lastSkipped ? 1 : 0;
            }
            lastSkipped &= bytes.last != '\n';
        } catch (IOException e) {
            throw new InvalidInputException(folder.resolve(METRICS) + " cannot be read (" + IoMessages.of(e) + ")", e);
        }
        // The last line of a run that is writing, or was killed, may be half of one: without its end.
        int damaged = skipped - (lastSkipped ? 1 : 0);
        if (damaged > 0) {
            notes.add("left out of " + METRICS + ": " + damaged + (damaged == 1 ? " line that is" : " lines that are")
                    + " no whole record");
        }
    }

    /** Remembers the last byte that a reader of text took. */
    private static final class LastByte extends FilterInputStream {
        private byte last;

        LastByte(InputStream in) {
            super(in);
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            int count = super.read(bytes, offset, length);
            if (count > 0) {
                last = bytes[offset + count - 1];
            }
            return count;
        }
    }

    /** Whether the line is a whole record; those of kinds that this version does not know are left out silently. */
    private boolean isTaken(String line) {
        JsonNode record;
        try {
            record = JSON.readTree(line);
        } catch (JsonProcessingException e) {
            return false;
        }
        OptionalDouble step = Run.number(record, "step");
        switch (record.path("kind").asText()) {
            case "step" -> {
                step.ifPresent(x -> {
                    Run.number(record, "loss").ifPresent(loss -> losses.add(x, loss));
                    Run.number(record, "learning_rate").ifPresent(rate -> learningRates.add(x, rate));
                });
                return step.isPresent();
            }
            case "epoch" -> {
                boolean whole = step.isPresent() && record.path("epoch").canConvertToInt();
                if (whole) {
                    epochs.put(record.path("epoch").asInt(), record);
                }
                return whole;
            }
            case "validation" -> {
                if (step.isPresent()) {
                    validations.add(record);
                }
                return step.isPresent();
            }
            case "summary" -> summary = Optional.of(record);
            default -> {
                return record.isObject();
            }
        }
        return true;
    }

    private Map<String, String> settings() {
        try {
            return Settings.of(folder.resolve(CONFIG));
        } catch (InvalidInputException e) {
            notes.add("its settings are unknown: " + e.getMessage());
            return Map.of();
        }
    }

    private JsonNode environment() {
        try {
            JsonNode environment = JSON.readTree(Files.readAllBytes(folder.resolve(ENVIRONMENT)));
            if (environment.isObject()) {
                return environment;
            }
        } catch (IOException e) {
            // As with a file of something else.
        }
        notes.add("where it ran is unknown: " + ENVIRONMENT + " cannot be read");
        return MissingNode.getInstance();
    }
}
