package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalRanksTest {
    private static final Launch OWN = Launch.of(Map.of("PMIX_NAMESPACE", "77", "PMIX_RANK", "0", "OMPI_COMM_WORLD_SIZE", "4",
            "OMPI_COMM_WORLD_RANK", "0"));

    @TempDir
    private Path proc;

    @Test
    void shouldNameTheStoppedRanksOfThisJobAlone() throws IOException {
        process("40", "S (sleeping)", "77", 0);
        process("41", "T (stopped)", "77", 3);
        process("42", "t (tracing stop)", "77", 2);
        process("43", "T (stopped)", "78", 1);
        Files.writeString(Files.createDirectory(proc.resolve("44")).resolve("status"), "State:\tT (stopped)\n");
        Files.createDirectory(proc.resolve("45"));
        Files.createDirectory(proc.resolve("self"));

        assertEquals(List.of("rank 2 (process 42)", "rank 3 (process 41)"), LocalRanks.stopped(OWN, proc));
    }

    @Test
    void shouldNameNoneWhereTheKernelDoesNotTell() {
        assertEquals(List.of(), LocalRanks.stopped(OWN, proc.resolve("none")));
    }

    private void process(String number, String state, String job, int rank) throws IOException {
        Path process = Files.createDirectory(proc.resolve(number));
        Files.writeString(process.resolve("status"), "Name:\tjava\nState:\t" + state + "\n");
        Files.writeString(process.resolve("environ"), "PMIX_NAMESPACE=" + job + "\0A=b=c\0\0OMPI_COMM_WORLD_SIZE=4\0OMPI_COMM_WORLD_RANK="
                + rank + "\0PMIX_RANK=" + rank + "\0");
    }
}
