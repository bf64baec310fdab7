package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.Mutation;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A sample, through the command, of what the tests of mutated files do in one process. */
class MutatedInputIT {
    private static final String EXPORTED = "exported.safetensors";
    private static final String CHECKPOINT = "whole/checkpoints/epoch-0001/";
    private static final String TABLE_CHECKPOINT = "table/checkpoints/epoch-0001/";

    @TempDir
    private static Path folder;

    /** A file to change, and a command that reads it. */
    private record Reading(String file, List<String> arguments) {}

    private static final List<Reading> READINGS = List.of(
            new Reading("small.yaml", List.of("validate", "small.yaml")),
            new Reading("train-images", List.of("validate", "small.yaml")),
            new Reading("train-labels.gz", List.of("validate", "small.yaml")),
            new Reading(EXPORTED, List.of("train", "small.yaml", "--set", "train.epochs=1", "--init", EXPORTED)),
            new Reading(CHECKPOINT + "model.safetensors", List.of("evaluate", CHECKPOINT)),
            new Reading(CHECKPOINT + "state.json", List.of("evaluate", CHECKPOINT)),
            new Reading("rows-1.csv", List.of("validate", "table.yaml")),
            new Reading("test.csv", List.of("evaluate", TABLE_CHECKPOINT)),
            new Reading(TABLE_CHECKPOINT + "preprocessing.json", List.of("evaluate", TABLE_CHECKPOINT)));

    @Test
    void shouldAnswerMutatedFilesInOneLine() throws IOException {
        SmallJob.write(folder);
        SmallTable.write(folder);
        assertEquals(0, Lockstep.alone("train", "table.yaml", "--set", "train.epochs=1", "--output", "table")
                .directory(folder)
                .run().exitStatus());
        assertEquals(0, Lockstep.alone("train", "small.yaml", "--set", "train.epochs=1", "--output", "whole")
                .directory(folder)
                .run().exitStatus());
        assertEquals(0, Lockstep.alone("export", CHECKPOINT, "--to", "safetensors", "--output", EXPORTED).directory(folder)
                .run().exitStatus());
        Random random = new Random(71);
        int refused = 0;
        for (int i = 0; i < 3 * READINGS.size(); i++) {
            Reading reading = READINGS.get(i % READINGS.size());
            Path file = folder.resolve(reading.file());
            byte[] whole = Files.readAllBytes(file);
            Files.write(file, Mutation.of(whole, random));
            refused += isRefused(reading) ? 1 : 0;
            Files.write(file, whole);
        }
        assertTrue(2 * refused > 3 * READINGS.size(), refused + " were refused");
    }

    private static boolean isRefused(Reading reading) {
        ProcessRun.Result run = Lockstep.alone(reading.arguments().toArray(String[]::new)).directory(folder).run();

        assertTrue(run.exitStatus() == 0 || run.exitStatus() == 2, run::toString);
        assertEquals(run.exitStatus() == 0 ? 0 : 1, run.errorLines().size(), run::toString);
        assertTrue(run.stderr().isEmpty() || run.stderr().startsWith("lockstep: error: "), run::toString);
        return run.exitStatus() == 2;
    }
}
