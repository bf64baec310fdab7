package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.Mpirun;
import dev.lockstep.testing.ProcessRun;
import dev.lockstep.testing.RunningProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One rank fails alone: its message is told, and no other rank is left. */
class RankFailureIT {
    private static final Duration TO_END_ALL = Duration.ofSeconds(5);
    private static final String ENDLESS = "train.epochs=2000000000";

    @TempDir
    private Path folder;

    @BeforeEach
    void writeJob() throws IOException {
        SmallJob.write(folder);
    }

    @Test
    void shouldNameTheRankThatHasAnotherJob() {
        ProcessRun.Result run = twoPrograms("seed=0", "seed=1").run();

        assertEquals(List.of("lockstep: error: rank 1 starts with another job than rank 0; every rank needs the same"
                + " program, job file, options and data"), Lockstep.errors(run), run::toString);
        assertEquals(2, run.exitStatus(), run::toString);
        assertFalse(Files.exists(folder.resolve("runs")), run::toString);
        Lockstep.awaitExits(Lockstep.processesOf(folder), 5);
    }

    @Test
    void shouldNameTheRankThatDoesNotFindItsData() {
        ProcessRun.Result run = twoPrograms("seed=0", "data.train.images=nowhere").run();

        assertEquals(List.of("lockstep: error: " + folder.resolve("nowhere") + " does not exist; name an IDX file of images"
                + " (found by rank 1 on host " + Machine.hostName() + ")"), Lockstep.errors(run), run::toString);
        assertEquals(2, run.exitStatus(), run::toString);
        Lockstep.awaitExits(Lockstep.processesOf(folder), 5);
    }

    /** Rank 0 may not write files as large as a checkpoint of this model, and finds out while rank 1 trains on. */
    @Test
    void shouldEndAllRanksWhereOneCannotWrite() {
        String[] job = {"train", folder.resolve("small.yaml").toString(), "--set",
            "model=[{linear: {in: 12, out: 400000}}, relu, {linear: {in: 400000, out: 3}}]", "--set",
            "checkpoint.every-steps=2", "--set", ENDLESS};
        ProcessRun limited = Mpirun.ranks(1)
                .arguments("sh", "-c", "ulimit -f 32768; exec \"$@\"", "sh", Lockstep.LAUNCHER).arguments(job)
                .arguments(":", "-np", "1", Lockstep.LAUNCHER).arguments(job).directory(folder);

        ProcessRun.Result run = endsSoonAfterItsError(limited);

        String checkpoint = "runs/small/checkpoints/step-00000002";
        assertEquals(1, Lockstep.errors(run).size(), run::toString);
        assertTrue(Lockstep.errors(run).get(0).matches("lockstep: error: rank 0 on host " + Machine.hostName()
                + ", epoch [0-9]+, after step [0-9]+: checkpoint " + checkpoint
                + " could not be written \\(File too large\\); free space or choose another --output; earlier checkpoints stand"),
                run::toString);
        assertEquals(1, run.exitStatus(), run::toString);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void shouldStopWhereTheLossDiverges(int ranks) throws Exception {
        ProcessRun program = Lockstep.ranks(ranks, "train", folder.resolve("small.yaml").toString(), "--set", ENDLESS,
                "--set", "optimizer.sgd.lr=1e6", "--set", "optimizer.sgd.momentum=2").directory(folder);

        ProcessRun.Result run = endsSoonAfterItsError(program);

        assertEquals(1, Lockstep.errors(run).size(), run::toString);
        String host = ranks == 1 ? "" : " on host " + Machine.hostName();
        assertTrue(Lockstep.errors(run).get(0).matches("lockstep: error: rank [01]" + host + ", epoch [0-9]+, step [0-9]+:"
                + " the loss is NaN or infinite: training has diverged; lower optimizer\\.sgd\\.lr .*"), run::toString);
        assertEquals(1, run.exitStatus(), run::toString);
        assertTrue(Lockstep.metrics(folder.resolve("runs/small"), "step").size() >= 1, run::toString);
    }

    private ProcessRun.Result endsSoonAfterItsError(ProcessRun program) {
        try (RunningProcess process = program.start()) {
            process.awaitStderr("lockstep: error: ");
            return endsSoon(process);
        }
    }

    private ProcessRun.Result endsSoon(RunningProcess process) {
        long start = System.nanoTime();
        ProcessRun.Result run = process.awaitExit();
        Lockstep.awaitExits(Lockstep.processesOf(folder), 5);
        Duration elapsed = Duration.ofNanos(System.nanoTime() - start);
        assertTrue(elapsed.compareTo(TO_END_ALL) < 0, () -> elapsed + "\n" + run);
        assertFalse(run.stderr().contains("\tat "), run::toString);
        return run;
    }

    private ProcessRun twoPrograms(String rank0, String rank1) {
        String job = folder.resolve("small.yaml").toString();
        return Lockstep.ranks(1, "train", job, "--set", rank0)
                .arguments(":", "-np", "1", Lockstep.LAUNCHER, "train", job, "--set", rank1).directory(folder);
    }
}
