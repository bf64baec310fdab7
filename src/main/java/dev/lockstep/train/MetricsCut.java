package dev.lockstep.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;

/** Cuts metrics.jsonl back to where a checkpoint stood. */
final class MetricsCut {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** No line of ours comes near it. */
    private static final int LONGEST_LINE_BYTES = 1 << 16;

    private MetricsCut() {
    }

    /**
     * Removes what the steps after {@code start} wrote, the summary, and all from the first line on that is not whole, as
     * one may be that was being written when the process was killed.
     */
    static void cut(FileChannel metrics, Position start) throws IOException {
        metrics.position(0);
        // Not closed: that would close the channel and with it the lock.
        InputStream in = new BufferedInputStream(Channels.newInputStream(metrics), LONGEST_LINE_BYTES);
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        long kept = 0;
        long end = 0;
        for (int next = in.read(); next >= 0 && line.size() <= LONGEST_LINE_BYTES; next = in.read()) {
            end++;
            if (next != '\n') {
                line.write(next);
                continue;
            }
            if (!isBefore(start, line.toByteArray())) {
                break;
            }
            kept = end;
            line.reset();
        }
        metrics.truncate(kept);
        metrics.position(kept);
    }

    private static boolean isBefore(Position start, byte[] line) throws IOException {
        JsonNode json;
        try {
            json = JSON.readTree(line);
        } catch (JsonProcessingException e) {
            return false;
        }
        return switch (json.path("kind").asText()) {
            case "step" -> json.path("step").asLong() <= start.step();
            case "validation" -> json.path("step").asLong() <= start.validation().step();
            case "epoch" -> json.path("epoch").asLong() < start.epoch();
            default -> false;
        };
    }
}
