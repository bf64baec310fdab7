package dev.lockstep.gpucheck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The check on a machine where things go wrong: programs that fail, and that never end. */
@Timeout(60)
class PartsTest {
    @TempDir
    private Path folder;

    @Test
    void shouldSayOfEveryPartWhyItFailed() throws Exception {
        program("lockstep", "echo 'lockstep: error: no libcudart.so.13; install it' >&2; exit 2");
        program("bin/mpirun", "shift 4; exec \"$@\"");
        program("bin/test-java", "echo '{\"passed\":3,\"failed\":1,\"skipped\":0,\"failures\":[\"ATest: shouldB()\"]}'; exit 1");
        Files.createDirectories(folder.resolve("bench/gpu"));
        Files.writeString(folder.resolve("bench/gpu/peer.py"), "raise SystemExit('no torch')");

        JsonNode json = run(30);

        json.path("parts").properties().stream().filter(part -> !part.getKey().equals("pytorch"))
                .forEach(part -> assertFalse(part.getValue().path("ok").asBoolean(), part.getKey()));
        assertEquals("exit status 2: lockstep: error: no libcudart.so.13; install it",
                json.at("/parts/libraries/reason").asText());
        assertEquals("[\"ATest: shouldB()\"]", json.at("/tests/failures").toString());
        assertEquals(json.path("figures").size(), json.path("reasons").size(), json::toString);
        assertTrue(json.at("/figures/large_bf16").isNull() && json.at("/figures/loss_difference_2_ranks_overlap").isNull());
        assertTrue(table(json).contains("small        "), table(json));
    }

    @Test
    void shouldEndInTimeWhereAProgramNeverEnds() throws Exception {
        program("lockstep", "exec sleep 1000");
        program("bin/mpirun", "exec sleep 1000");
        program("bin/test-java", "exec sleep 1000");

        long start = System.nanoTime();
        JsonNode json = run(3);

        assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(20));
        assertTrue(json.at("/parts/libraries/reason").asText().startsWith("did not end within"), json::toString);
        assertTrue(json.at("/parts/tests/reason").asText().startsWith("no time was left"), json::toString);
        assertEquals(9, json.path("parts").size(), json::toString);
    }

    private JsonNode run(long seconds) throws IOException {
        Findings findings = new Findings();
        Path output = Files.createDirectory(folder.resolve("output"));
        // As on a GPU, with the rehearsal's sizes.
        new Parts(findings, new Commands(folder, output), folder, output, "cuda", true)
                .run(System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds));
        return findings.toJson();
    }

    private static String table(JsonNode json) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        Report.print(json, new PrintStream(bytes, true, StandardCharsets.UTF_8));
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private void program(String name, String commands) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, "#!/bin/sh\n" + commands + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
}
