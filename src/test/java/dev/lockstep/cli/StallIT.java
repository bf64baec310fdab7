package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.testing.Mpirun;
import dev.lockstep.testing.ProcessRun;
import dev.lockstep.testing.RunningProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StallIT {
    /** Runs until it is ended. */
    private static final String JOB = """
            name: stall
            data: {train: {format: synthetic, samples: 2000, features: 16, classes: 4, seed: 0}}
            model: [{linear: {in: 16, out: 8}}, relu, {linear: {in: 8, out: 4}}]
            optimizer: {sgd: {lr: 0.001}}
            train: {epochs: 1000000000, batch-size: 8}
            timeout: 2s
            """;

    @Test
    void shouldEndTheJobWhenARankStops(@TempDir Path folder) throws Exception {
        Path job = Files.writeString(folder.resolve("job.yaml"), JOB);
        ProcessRun training = Mpirun.ranks(2).arguments(Path.of("lockstep").toAbsolutePath().toString(), "train",
                job.toString(), "--output", folder.resolve("run").toString()).limit(Duration.ofSeconds(90));
        try (RunningProcess process = training.start()) {
            process.awaitStdout("epoch 1/");
            List<ProcessHandle> ranks = process.handle().descendants().filter(StallIT::isRank).toList();
            assertEquals(2, ranks.size(), "ranks of " + process.handle().pid());
            assertTrue(new ProcessBuilder("kill", "-STOP", Long.toString(ranks.get(1).pid())).start()
                    .waitFor(10, TimeUnit.SECONDS), "kill did not end");

            ProcessRun.Result result = process.awaitExit();

            assertEquals(1, result.exitStatus(), result.toString());
            List<String> errors = result.errorLines().stream().filter(line -> line.startsWith("lockstep: ")).toList();
            assertEquals(1, errors.size(), errors.toString());
            assertTrue(errors.get(0).contains("waited more than 2.0 s in allReduce"), errors.get(0));
            for (ProcessHandle rank : ranks) {
                rank.onExit().get(5, TimeUnit.SECONDS);
            }
        }
    }

    private static boolean isRank(ProcessHandle process) {
        return process.info().command().map(command -> command.endsWith("/java")).orElse(false);
    }
}
