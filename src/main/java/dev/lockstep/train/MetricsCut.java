package dev.lockstep.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Cuts metrics.jsonl back to where a checkpoint stood. */
final class MetricsCut {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int BUFFER_BYTES = 1 << 16;

    private MetricsCut() {
    }

    /**
     * Removes what the steps after {@code start} wrote, the summary, and all from the first line on that is not whole, as
     * one may be that was being written when the process was killed.
     *
     * @return the lines of epochs that stay
     */
    static byte[] cut(FileChannel metrics, Position start) throws IOException {
        metrics.position(0);
        // Not closed: that would close the channel and with it the lock.
        InputStream in = new BufferedInputStream(Channels.newInputStream(metrics), BUFFER_BYTES);
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        ByteArrayOutputStream epochs = new ByteArrayOutputStream();
        long kept = 0;
        long end = 0;
        for (int next = in.read(); next >= 0; next = in.read()) {
            end++;
            if (next != '\n') {
                line.write(next);
                continue;
            }
            Optional<JsonNode> record = read(line.toByteArray()).filter(json -> isBefore(start, json));
            if (record.isEmpty()) {
                break;
            }
            if (kind(record.get()).equals("epoch")) {
                line.write('\n');
                line.writeTo(epochs);
            }
            kept = end;
            line.reset();
        }
        metrics.truncate(kept);
        metrics.position(kept);
        return epochs.toByteArray();
    }

    /** Whether the last line is missing, and the lines before it or the checkpoint tell what it takes to make it. */
    static boolean lacksSummary(Path metrics, Position start) throws IOException {
        if (Files.notExists(metrics)) {
            return false;
        }
        boolean epochs = start.consumed() > 0;
        boolean stays = true;
        boolean summary = false;
        try (BufferedReader lines = Files.newBufferedReader(metrics, StandardCharsets.ISO_8859_1)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                Optional<JsonNode> record = read(line.getBytes(StandardCharsets.ISO_8859_1));
                stays &= record.filter(json -> isBefore(start, json)).isPresent();
                epochs |= stays && kind(record.get()).equals("epoch")
                        && record.get().path("epoch").asInt() == start.epoch() - 1;
                summary = record.filter(json -> kind(json).equals("summary")).isPresent();
            }
        }
        return epochs && !summary;
    }

    /** Empty where it is not whole. */
    private static Optional<JsonNode> read(byte[] line) throws IOException {
        try {
            return Optional.of(JSON.readTree(line));
        } catch (JsonProcessingException e) {
            return Optional.empty();
        }
    }

    private static String kind(JsonNode json) {
        return json.path("kind").asText();
    }

    private static boolean isBefore(Position start, JsonNode json) {
        return switch (kind(json)) {
            case "step" -> json.path("step").asLong() <= start.step();
            case "validation" -> json.path("step").asLong() <= start.validation().step();
            case "epoch" -> json.path("epoch").asLong() < start.epoch();
            default -> false;
        };
    }
}
