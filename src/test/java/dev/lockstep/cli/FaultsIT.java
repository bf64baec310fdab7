package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import dev.lockstep.testing.RunningProcess;
import dev.lockstep.testing.TwoHosts;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What can befall a run from outside: one line tells what it was, no rank is left, and resumed it ends as if nothing had been. */
class FaultsIT {
    /** 8 steps an epoch on two ranks. */
    private static final int EPOCHS = 300;
    /** For ranks that are left behind to be gone, once a line has said why. */
    private static final int SECONDS_TO_END = 10;

    private static String undisturbed;

    @TempDir
    private Path folder;

    @BeforeAll
    static void trainUndisturbed(@TempDir Path other) throws IOException {
        SmallJob.write(other);
        undisturbed = hash(trainToTheEnd(other, other.resolve("run")), other.resolve("run"));
    }

    @BeforeEach
    void writeJob() throws IOException {
        SmallJob.write(folder);
    }

    /** mpirun's exit status is 137 where a rank was killed by signal 9. */
    @ParameterizedTest
    @CsvSource({"KILL, 0, 137, 'its connection has closed, so it was killed or has crashed'",
        "KILL, 1, 137, 'its connection has closed, so it was killed or has crashed'",
        "STOP, 0, 1, 'silent for [0-9.]+ s, so it was stopped, or its host or the link to it is down'",
        "STOP, 1, 1, 'silent for [0-9.]+ s, so it was stopped, or its host or the link to it is down'"})
    void shouldNameTheRankThatIsKilledOrStopped(String signal, int rank, int exitStatus, String what) throws IOException {
        Path run = folder.resolve("run");
        ProcessRun.Result result = disturbed(train(folder, run, "--set", "timeout=3s"), process -> ProcessRun
                .command("kill", "-" + signal, "" + Lockstep.rank(process, rank).pid()).run());

        assertEquals(exitStatus, result.exitStatus(), result::toString);
        assertOneLine(result, "rank " + rank + " on host " + Machine.hostName() + ", epoch [0-9]+, after step [0-9]+: " + what
                + "; ranks? [01]( and 1)? waits? in .+, at which .+ arrived; go on with --resume");
        assertResumes(folder, run);
    }

    @Test
    void shouldNameTheHostBeyondACutLink() throws IOException {
        TwoHosts.assumePossible();
        Path run = folder.resolve("run");
        ProcessRun program = arguments(TwoHosts.ranks(2), folder, run, "--set", "timeout=3s");

        ProcessRun.Result result = disturbed(program, TwoHosts::cutLink);

        assertNotEquals(0, result.exitStatus(), result::toString);
        assertOneLine(result, "rank 1 on host host-b, epoch [0-9]+, after step [0-9]+: silent for [0-9.]+ s, so it was stopped, or"
                + " its host or the link to it is down; .+; go on with --resume");
        assertResumes(folder, run);
    }

    @Test
    void shouldEndWhereTheMetricsDoNotFitOnTheDisk() throws IOException {
        Path disk = mount("-o", "size=1m");
        try {
            Path run = disk.resolve("run");
            ProcessRun.Result result = disturbed(train(folder, run), process ->
                    ProcessRun.command("dd", "if=/dev/zero", "of=" + disk.resolve("filler"), "bs=4k").run());

            assertEquals(1, result.exitStatus(), result::toString);
            // A checkpoint may have been next.
            assertOneLine(result, "rank 0 on host " + Machine.hostName() + ", epoch [0-9]+, after step [0-9]+: (" + run
                    + "/metrics.jsonl|checkpoint .*) could not be written \\(No space left on device\\); free space .*");
            Files.delete(disk.resolve("filler"));
            assertResumes(folder, run);
        } finally {
            ProcessRun.command("umount", "-l", disk.toString()).run();
        }
    }

    @Test
    void shouldRefuseAnOutputThatIsReadOnly() throws IOException {
        Path disk = mount("-o", "ro");
        try {
            ProcessRun.Result result = train(folder, disk.resolve("run")).run();
            assertEquals(2, result.exitStatus(), result::toString);
            assertEquals(List.of("lockstep: error: the output folder " + disk.resolve("run") + " cannot be written (Read-only file"
                    + " system); name another with --output (found by rank 0 on host " + Machine.hostName() + ")"),
                    Lockstep.errors(result), result::toString);
        } finally {
            ProcessRun.command("umount", "-l", disk.toString()).run();
        }
    }

    /** It was read at the start; the next start finds out. */
    @Test
    void shouldTrainOnWhereADataFileIsCutShort() throws IOException {
        Path run = folder.resolve("run");
        try (RunningProcess process = train(folder, run, "--set", "checkpoint.every-steps=0").start()) {
            process.awaitStdout("\nepoch 20/");
            try (FileChannel images = FileChannel.open(folder.resolve("train-images"), StandardOpenOption.WRITE)) {
                images.truncate(100);
            }
            ProcessRun.Result result = process.awaitExit();
            assertEquals(0, result.exitStatus(), result::toString);
            assertEquals(undisturbed, hash(result, run));
        }
        ProcessRun.Result next = train(folder, run).run();
        assertEquals(2, next.exitStatus(), next::toString);
        assertEquals(List.of("lockstep: error: " + folder.resolve("train-images") + " ends before the 120 x 3 x 4 elements that"
                + " its header promises; get the file again"), Lockstep.errors(next), next::toString);
    }

    private interface Fault {
        void strike(RunningProcess process);
    }

    /** Until it has ended, and no rank of it is left. */
    private ProcessRun.Result disturbed(ProcessRun program, Fault fault) {
        try (RunningProcess process = program.start()) {
            process.awaitStdout("\nepoch 20/");
            fault.strike(process);
            ProcessRun.Result result = process.awaitExit();
            Lockstep.awaitExits(Lockstep.processesOf(folder), SECONDS_TO_END);
            return result;
        }
    }

    private static void assertOneLine(ProcessRun.Result result, String pattern) {
        assertEquals(1, Lockstep.errors(result).size(), result::toString);
        assertTrue(Lockstep.errors(result).get(0).matches("lockstep: error: " + pattern), result::toString);
    }

    private static void assertResumes(Path folder, Path run) throws IOException {
        ProcessRun.Result resumed = trainToTheEnd(folder, run);
        assertTrue(resumed.stdout().contains("\nresume    from " + run.resolve("checkpoints")), resumed::toString);
        assertEquals(undisturbed, hash(resumed, run));
    }

    /** Sooner, as without the lines and checkpoints on the way. */
    private static ProcessRun.Result trainToTheEnd(Path folder, Path run) {
        return train(folder, run, "--set", "checkpoint.every-steps=0", "--set", "log.every-steps=0").run();
    }

    private static ProcessRun train(Path folder, Path run, String... more) {
        return arguments(Lockstep.ranks(2), folder, run, more);
    }

    private static ProcessRun arguments(ProcessRun program, Path folder, Path run, String... more) {
        return program.arguments("train", "small.yaml", "--output", run.toString(), "--resume", "--set", "train.epochs=" + EPOCHS,
                "--set", "checkpoint={every-steps: 21, keep: 2}").arguments(more).directory(folder).limit(Duration.ofSeconds(90));
    }

    private static String hash(ProcessRun.Result result, Path run) throws IOException {
        assertEquals(0, result.exitStatus(), result::toString);
        return Lockstep.metrics(run, "summary").get(0).get("parameters_sha256").asText();
    }

    private Path mount(String... options) throws IOException {
        Path disk = Files.createDirectory(folder.resolve("disk"));
        List<String> words = new ArrayList<>(List.of("mount", "-t", "tmpfs"));
        words.addAll(List.of(options));
        words.addAll(List.of("tmpfs", disk.toString()));
        assumeTrue(ProcessRun.command(words.toArray(String[]::new)).run().exitStatus() == 0, "mounting a tmpfs takes root");
        return disk;
    }
}
