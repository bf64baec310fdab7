package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.comm.local.SingleRank;
import dev.lockstep.device.Device;
import dev.lockstep.device.Timeline;
import dev.lockstep.device.Timeline.Phase;
import dev.lockstep.device.cpu.CpuDevice;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TraceTest {
    @TempDir
    private Path folder;

    /** A module names its operations as it likes. */
    @Test
    void shouldWriteNamesOfAnyCharacters() throws Exception {
        String name = "scale \"by 2\" \\ 100 %s é\t\n\u0001";
        Path file = folder.resolve("trace.json");
        try (Device device = new CpuDevice(1)) {
            Timeline timeline = new Timeline(device);
            timeline.timed(Phase.FORWARD, name, 0, stream -> { });
            Trace trace = new Trace(new SingleRank(), "host \"a\\b\"");
            trace.addOperations(1, timeline);
            trace.write(Optional.of(file));
        }
        JsonNode events = new ObjectMapper().readTree(Files.readString(file)).get("traceEvents");
        assertEquals("rank 0 on host \"a\\b\"", events.get(0).get("args").get("name").textValue());
        assertEquals(name, events.get(3).get("name").textValue());
        assertEquals(4, events.size());
    }
}
