package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SortedSet;
import org.junit.jupiter.api.Test;

class AffinityTest {
    @Test
    void shouldMoveAProcessToTheCpusThatItIsGiven() throws IOException {
        Process sleeping = new ProcessBuilder("sleep", "60").start();
        try {
            SortedSet<Integer> allowed = CpuSet.parse(allowedTo(sleeping));
            assertTrue(Affinity.move(sleeping.pid(), allowed.last().toString()));
            assertEquals(allowed.last().toString(), allowedTo(sleeping));
        } finally {
            sleeping.destroy();
        }
    }

    @Test
    void shouldLeaveAProcessThatCannotBeMoved() throws IOException {
        Process sleeping = new ProcessBuilder("sleep", "60").start();
        try {
            String allowed = allowedTo(sleeping);
            assertFalse(Affinity.move(sleeping.pid(), "99999"));
            assertEquals(allowed, allowedTo(sleeping));
        } finally {
            sleeping.destroy();
        }
    }

    private static String allowedTo(Process process) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + process.pid() + "/status")).stream()
                .filter(line -> line.startsWith("Cpus_allowed_list:")).findFirst().orElseThrow().split(":")[1].strip();
    }
}
