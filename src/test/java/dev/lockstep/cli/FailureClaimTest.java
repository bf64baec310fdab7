package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FailureClaimTest {
    @TempDir
    private Path folder;

    @Test
    void shouldBeTakenOnce() {
        Path file = folder.resolve("claim");

        assertTrue(FailureClaim.take(file, Instant.now()));
        assertFalse(FailureClaim.take(file, Instant.now()));
    }

    @Test
    void shouldNotCountWhereAnEarlierJobHasLeftIt() throws Exception {
        Instant started = Instant.now();
        Path file = Files.createFile(folder.resolve("claim"));
        Files.setLastModifiedTime(file, FileTime.from(started.minus(Duration.ofHours(1))));

        assertTrue(FailureClaim.take(file, started));
        assertFalse(FailureClaim.take(file, started));
    }

    @Test
    void shouldBeGrantedWhereNoFileCanBeMade() throws Exception {
        Path file = Files.createFile(folder.resolve("file"));

        assertTrue(FailureClaim.take(file.resolve("claim"), Instant.now()));
        assertTrue(FailureClaim.take(file.resolve("claim"), Instant.now()));
    }
}
