package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.Mpirun;
import dev.lockstep.testing.ProcessRun;
import dev.lockstep.testing.RunningProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs that are killed, stopped, or out of disk space, and resumed. */
class ResumeIT {
    /** 8 steps an epoch on two ranks, the last of them short. */
    private static final int EPOCHS = 300;
    private static final String CHECKPOINTS = "checkpoint={every-steps: 21, keep: 2}";
    /** The parameters' in the end, by the number of ranks, where nothing has come between. */
    private static final Map<Integer, String> WHOLE = new HashMap<>();

    /** With a job of its own, whose runs several tests begin with. */
    @TempDir
    private static Path shared;

    @TempDir
    private Path folder;

    @BeforeAll
    static void writeSharedJob() throws IOException {
        SmallJob.write(shared);
    }

    @BeforeEach
    void writeJob() throws IOException {
        SmallJob.write(folder);
    }

    @Test
    void shouldEndAsIfItHadNeverBeenKilled() throws Exception {
        Path run = folder.resolve("killed");
        Random random = new Random(5);
        for (int kill = 0; kill < 2; kill++) {
            int epoch = 10 + kill * 100 + random.nextInt(90);
            int rank = random.nextInt(2);
            kill(2, run, rank, process -> process.awaitStdout("\nepoch " + epoch + "/"));
        }
        kill(2, run, 0, process -> awaitOneBeingWritten(run.resolve("checkpoints"), process));
        assertEquals(whole(2), hash(train(2, run), run));
        assertEquals(List.of("epoch-0300", "step-00002394"), checkpoints(run, name -> true));
        // Cut back at each resume and then written again: each step and epoch once, in order.
        assertEquals(Stream.iterate(1, step -> step + 1).limit(8 * EPOCHS).toList(),
                Lockstep.metrics(run, "step").stream().map(line -> line.get("step").asInt()).toList());
        assertEquals(Stream.iterate(1, epoch -> epoch + 1).limit(EPOCHS).toList(),
                Lockstep.metrics(run, "epoch").stream().map(line -> line.get("epoch").asInt()).toList());
    }

    /** The damage shows when the checkpoint is being read; in the last case none would be read, had it been whole. */
    @ParameterizedTest
    @CsvSource({"model.safetensors, 3", "optimizer.safetensors, 3", "optimizer.safetensors, 2"})
    void shouldGoOnFromTheOneBeforeADamagedCheckpoint(String name, int epochs) throws Exception {
        Path run = Files.createDirectory(folder.resolve("damaged"));
        SmallJob.copy(everyEpoch(2), run);
        Path file = run.resolve("checkpoints/epoch-0002").resolve(name);
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 1] ^= 1;
        Files.write(file, bytes);

        ProcessRun.Result resumed = everyEpoch(run, epochs);
        assertEquals(0, resumed.exitStatus(), resumed::toString);
        assertEquals(List.of("lockstep: warning: checkpoint " + file.getParent() + " is damaged (" + name
                + " does not have the sum that it was written with); the one before is taken"),
                resumed.stderr().lines().filter(line -> line.startsWith("lockstep: ")).toList(), resumed::toString);
        assertTrue(resumed.stdout().contains("\nresume    from " + run.resolve("checkpoints/epoch-0001") + ": 8 steps are done, 1"
                + " of " + epochs + " epochs\n"), resumed::toString);
        assertEquals(hash(everyEpoch(epochs)), hash(run));
    }

    /** A run of so many epochs, with a checkpoint of each, in which nothing has come between. */
    private static Path everyEpoch(int epochs) throws IOException {
        Path run = shared.resolve("epochs-" + epochs);
        if (!Files.exists(run)) {
            ProcessRun.Result result = everyEpoch(run, epochs);
            assertEquals(0, result.exitStatus(), result::toString);
        }
        return run;
    }

    private static ProcessRun.Result everyEpoch(Path run, int epochs) {
        return Lockstep.ranks(2, "train", "small.yaml", "--output", run.toString(), "--resume", "--set",
                "checkpoint.every-epochs=1", "--set", "train.epochs=" + epochs).directory(shared).run();
    }

    /**
     * Each process has an order of its own in which it would go over a map; state of two kinds is where that shows, on one
     * rank in two.
     */
    @Test
    void shouldGiveEachRankTheStateOfAdam() throws Exception {
        Path whole = folder.resolve("whole");
        adam(whole);
        for (int resume = 0; resume < 3; resume++) {
            Path resumed = Files.createDirectory(folder.resolve("resumed-" + resume));
            SmallJob.copy(whole, resumed);
            Files.move(resumed.resolve("checkpoints/epoch-0002"), folder.resolve("aside-" + resume));
            assertTrue(adam(resumed).stdout().contains("\nresume    from " + resumed.resolve("checkpoints/epoch-0001")));
            assertEquals(hash(whole), hash(resumed));
        }
    }

    private ProcessRun.Result adam(Path run) {
        ProcessRun.Result result = Lockstep.ranks(4, "train", "small.yaml", "--output", run.toString(), "--resume", "--set",
                "optimizer.adam={lr: 0.01}", "--set", "checkpoint.every-epochs=1").directory(folder).run();
        assertEquals(0, result.exitStatus(), result::toString);
        return result;
    }

    private interface Moment {
        void await(RunningProcess process) throws IOException;
    }

    private void kill(int ranks, Path run, int rank, Moment moment) throws IOException {
        try (RunningProcess process = train(ranks, run).start()) {
            moment.await(process);
            Lockstep.rank(process, rank).destroyForcibly();
            ProcessRun.Result result = process.awaitExit();
            assertEquals(137, result.exitStatus(), result::toString);
            Lockstep.awaitExits(Lockstep.processesOf(folder), 10);
        }
    }

    private static void awaitOneBeingWritten(Path checkpoints, RunningProcess process) throws IOException {
        process.awaitStdout("\nresume    from ");
        process.awaitStdout("\nepoch ");
        long start = System.nanoTime();
        while (checkpoints(checkpoints.getParent(), name -> name.startsWith(".writing-")).isEmpty()) {
            assertTrue(System.nanoTime() - start < 30_000_000_000L, "no checkpoint is being written");
            Thread.onSpinWait();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void shouldStopWithACheckpointOnUsr1(int ranks) throws Exception {
        Path run = folder.resolve("stopped");
        ProcessRun.Result stopped = signalled(ranks, run, "USR1");
        assertEquals(75, stopped.exitStatus(), stopped::toString);
        assertEquals(List.of(), Lockstep.errors(stopped), stopped::toString);
        List<String> lines = stopped.stdout().lines().filter(line -> line.startsWith("stopped on request after step ")).toList();
        assertEquals(1, lines.size(), stopped::toString);
        assertTrue(lines.get(0).endsWith(", with a checkpoint; run again with --resume --output " + run), stopped::toString);
        int step = Integer.parseInt(lines.get(0).replaceAll("\\D*step (\\d+).*", "$1"));
        assertTrue(checkpoints(run, name -> true).contains(String.format("step-%08d", step)), stopped::toString);
        assertEquals(whole(ranks), hash(trainSwiftly(ranks, run), run));
    }

    /** Without mpirun there is no second after which KILL comes. */
    @Test
    void shouldStopWithACheckpointOnTerm() throws Exception {
        ProcessRun.Result stopped = signalled(1, folder.resolve("stopped"), "TERM");
        assertEquals(75, stopped.exitStatus(), stopped::toString);
        assertTrue(stopped.stdout().contains("\nstopped on request after step "), stopped::toString);
    }

    @Test
    void shouldStopWithACheckpointOnCtrlCOfMakeRun() throws Exception {
        ProcessRun.Result stopped = ctrlC(process -> process.awaitStdout("\nepoch 20/"));
        assertEquals(75, stopped.exitStatus(), stopped::toString);
        assertTrue(stopped.stdout().contains("\nstopped on request after step "), stopped::toString);
    }

    /** It reaches ranks that train, or ends such as do not take it yet. */
    @Test
    void shouldStopOnCtrlCOfMakeRunBeforeThereAreRanks() throws Exception {
        ProcessRun.Result stopped = ctrlC(ResumeIT::awaitMpirun);
        assertTrue(Set.of(75, 138).contains(stopped.exitStatus()), stopped::toString);
    }

    private static void awaitMpirun(RunningProcess process) {
        long start = System.nanoTime();
        while (process.handle().descendants().noneMatch(ResumeIT::takesUsr1)) {
            assertTrue(System.nanoTime() - start < 30_000_000_000L, "mpirun does not take USR1");
            Thread.onSpinWait();
        }
    }

    private static boolean takesUsr1(ProcessHandle process) {
        try (Stream<String> status = Files.lines(Path.of("/proc/" + process.pid() + "/status"))) {
            return status.anyMatch(line -> line.matches("SigCgt:.*[2367abef][0-9a-f]{2}"));
        } catch (IOException | UncheckedIOException e) {
            return false; // gone
        }
    }

    /** As a terminal has it: the signal goes to mpirun, too. */
    private ProcessRun.Result ctrlC(Moment moment) throws Exception {
        String scripts = Path.of("src/build").toAbsolutePath().toString();
        ProcessRun program = Mpirun.configured(ProcessRun.command("setsid", "env", "--default-signal=INT",
                scripts + "/planned-stop.sh", scripts + "/mpirun.sh", "2", Lockstep.LAUNCHER)
                .arguments(words(folder.resolve("stopped"))).environment("CUDA_VISIBLE_DEVICES", ""));
        try (RunningProcess process = program.directory(folder).limit(Duration.ofSeconds(120)).start()) {
            moment.await(process);
            ProcessRun.command("kill", "-INT", "--", "-" + process.handle().pid()).run();
            return process.awaitExit();
        }
    }

    private ProcessRun.Result signalled(int ranks, Path run, String signal) {
        try (RunningProcess process = train(ranks, run).start()) {
            process.awaitStdout("\nepoch 20/");
            ProcessRun.command("kill", "-" + signal, "" + process.handle().pid()).run();
            return process.awaitExit();
        }
    }

    @Test
    void shouldGoOnWithAnotherNumberOfRanks() throws Exception {
        Path run = folder.resolve("run");
        assertEquals(75, signalled(2, run, "USR1").exitStatus());
        ProcessRun.Result resumed = trainSwiftly(3, run).run();
        assertEquals(0, resumed.exitStatus(), resumed::toString);
        assertTrue(resumed.stdout().contains("\nresume    with 3 ranks, not 2: the "), resumed::toString);
        assertTrue(resumed.stdout().contains("global batch is 24, not 16\n"),
                resumed::toString);
        assertEquals(EPOCHS, Lockstep.metrics(run, "epoch").size());
    }

    @Test
    void shouldMakeUpForNoSummaryWhereEpochsWereTakenBack() throws Exception {
        Path run = folder.resolve("run");
        String[] words = {"train", "small.yaml", "--output", run.toString(), "--resume", "--set",
            "checkpoint={every-steps: 5, keep: 99}"};
        assertEquals(0, Lockstep.alone(words).directory(folder).run().exitStatus());
        Path newest = run.resolve("checkpoints/epoch-0002");
        long lastStep = new ObjectMapper().readTree(newest.resolve("state.json").toFile()).get("step").asLong();
        Files.move(newest, run.resolve("checkpoints/aside"));
        if (lastStep % 5 == 0) {
            Files.move(run.resolve(String.format("checkpoints/step-%08d", lastStep)), run.resolve("checkpoints/aside-2"));
        }
        String metrics = Files.readString(run.resolve("metrics.jsonl"));
        metrics = metrics.substring(0, metrics.indexOf("{\"kind\":\"summary\""));
        Files.writeString(run.resolve("metrics.jsonl"), metrics);

        ProcessRun.Result again = Lockstep.alone("train", "small.yaml", "--output", run.toString(), "--resume", "--set",
                "train.epochs=1").directory(folder).run();
        assertEquals(0, again.exitStatus(), again::toString);
        assertEquals("nothing is left to train: 1 epochs are done, and train.epochs is 1\n", again.stdout());
        assertEquals(metrics, Files.readString(run.resolve("metrics.jsonl")));
    }

    @Test
    void shouldSayThatNothingIsLeftToTrain() throws Exception {
        Path run = folder.resolve("run");
        String[] short1 = {"train", "small.yaml", "--output", run.toString(), "--resume"};
        assertEquals(0, Lockstep.alone(short1).directory(folder).run().exitStatus());
        String metrics = Files.readString(run.resolve("metrics.jsonl"));
        ProcessRun.Result again = Lockstep.alone(short1).directory(folder).run();
        assertEquals(0, again.exitStatus(), again::toString);
        assertEquals("nothing is left to train: 2 epochs are done, and train.epochs is 2\n", again.stdout());
        assertEquals(metrics, Files.readString(run.resolve("metrics.jsonl")));
        ProcessRun.Result changed = Lockstep.alone("train", "small.yaml", "--output", run.toString(), "--resume", "--set",
                "seed=1").directory(folder).run();
        assertEquals(2, changed.exitStatus(), changed::toString);
        assertEquals(List.of("lockstep: error: --resume: seed is 1, but " + run.resolve("checkpoints/epoch-0002")
                + " was made with 0; set it back, or start anew with another --output"), changed.errorLines());
    }

    /** As where it is killed between its last checkpoint and its last line, or while it writes that. */
    @Test
    void shouldMakeUpForASummaryThatWasNotWritten() throws Exception {
        Path run = folder.resolve("run");
        String[] words = {"train", "small.yaml", "--output", run.toString(), "--resume", "--set",
            "metrics=[accuracy, confusion-matrix]"};
        assertEquals(0, Lockstep.ranks(2, words).directory(folder).run().exitStatus());
        String metrics = Files.readString(run.resolve("metrics.jsonl"));
        JsonNode summary = Lockstep.metrics(run, "summary").get(0);
        int end = metrics.indexOf("{\"kind\":\"summary\"");
        for (int writtenCharacters : new int[] {0, 40}) {
            Files.writeString(run.resolve("metrics.jsonl"), metrics.substring(0, end + writtenCharacters));

            ProcessRun.Result again = Lockstep.ranks(2, words).directory(folder).run();
            assertEquals(0, again.exitStatus(), again::toString);
            assertTrue(again.stdout().startsWith("nothing is left to train but the last lines of metrics.jsonl: 2 epochs are"
                    + " done, and train.epochs is 2\n"), again::toString);
            assertEquals(metrics.substring(0, end), Files.readString(run.resolve("metrics.jsonl")).substring(0, end));
            JsonNode made = Lockstep.metrics(run, "summary").get(0);
            for (String key : List.of("ranks", "epochs", "steps", "train_loss", "test_loss", "test_accuracy",
                    "test_confusion_matrix", "samples_per_second", "training_seconds", "parameters_sha256", "step_seconds",
                    "gemm_share")) {
                assertEquals(summary.get(key), made.get(key), key);
            }
            assertFalse(made.has("first_step_seconds"), "it had none");
            String whole = Files.readString(run.resolve("metrics.jsonl"));
            ProcessRun.Result third = Lockstep.ranks(2, words).directory(folder).run();
            assertEquals("nothing is left to train: 2 epochs are done, and train.epochs is 2\n", third.stdout());
            assertEquals(whole, Files.readString(run.resolve("metrics.jsonl")));
        }
    }

    @Test
    void shouldSumUpTheEpochsOfAllProcesses() throws Exception {
        Path run = folder.resolve("run");
        for (int epochs : List.of(2, 5)) {
            ProcessRun.Result result = Lockstep.ranks(2, "train", "small.yaml", "--output", run.toString(), "--resume",
                    "--set", "train.epochs=" + epochs).directory(folder).run();
            assertEquals(0, result.exitStatus(), result::toString);
        }
        JsonNode summary = Lockstep.metrics(run, "summary").get(0);
        assertEquals(5, summary.get("epochs").asInt());
        assertEquals(40, summary.get("steps").asInt());
        List<JsonNode> epochs = Lockstep.metrics(run, "epoch");
        assertEquals(5, epochs.size());
        assertEquals(epochs.stream().mapToDouble(epoch -> epoch.get("seconds").asDouble()).sum(),
                summary.get("training_seconds").asDouble(), 1e-9);
        // The first warms up.
        List<JsonNode> warm = epochs.subList(1, 5);
        double[] rates = warm.stream().mapToDouble(epoch -> epoch.get("samples_per_second").asDouble()).sorted().toArray();
        assertEquals((rates[1] + rates[2]) / 2, summary.get("samples_per_second").asDouble(), 1e-6);
        assertEquals(warm.stream().mapToDouble(epoch -> epoch.get("step_seconds").asDouble()).average().orElseThrow(),
                summary.get("step_seconds").asDouble(), 1e-9);
    }

    @Test
    void shouldEndWhereTheDiskIsFullAndGoOnWhereItIsNotAnyMore() throws Exception {
        Path disk = Files.createDirectory(folder.resolve("disk"));
        assumeTrue(ProcessRun.command("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk.toString()).run().exitStatus() == 0,
                "mounting a tmpfs takes root");
        try {
            String[] wide = {"train", folder.resolve("small.yaml").toString(), "--output", disk.resolve("run").toString(),
                "--resume", "--set", "model=[{linear: {in: 12, out: 6000}}, relu, {linear: {in: 6000, out: 3}}]", "--set",
                "checkpoint={every-steps: 3, keep: 3}"};
            ProcessRun.Result full = Lockstep.ranks(2, wide).directory(folder).run();
            assertEquals(1, full.exitStatus(), full::toString);
            assertEquals(1, Lockstep.errors(full).size(), full::toString);
            assertTrue(Lockstep.errors(full).get(0).matches("lockstep: error: rank 0 on host " + Machine.hostName()
                    + ", epoch 2, after step [0-9]+: checkpoint " + disk.resolve("run/checkpoints/step-00000009")
                    + " could not be written \\(No space left on device\\); free space or choose another --output; earlier"
                    + " checkpoints stand"), full::toString);
            assertEquals(List.of("step-00000003", "step-00000006"), checkpoints(disk.resolve("run"), name -> true));
            assertEquals(0, ProcessRun.command("mount", "-o", "remount,size=64m", disk.toString()).run().exitStatus());
            ProcessRun.Result resumed = Lockstep.ranks(2, wide).directory(folder).run();
            assertEquals(0, resumed.exitStatus(), resumed::toString);
            assertTrue(resumed.stdout().contains("\nresume    from " + disk.resolve("run/checkpoints/step-00000006")),
                    resumed::toString);
        } finally {
            ProcessRun.command("umount", "-l", disk.toString()).run();
        }
    }

    private ProcessRun train(int ranks, Path run) {
        ProcessRun program = ranks == 1 ? Lockstep.alone(words(run)) : Lockstep.ranks(ranks, words(run));
        return program.directory(folder).limit(Duration.ofSeconds(120));
    }

    /** Without the lines and checkpoints on the way. */
    private ProcessRun trainSwiftly(int ranks, Path run) {
        return train(ranks, run).arguments("--set", "checkpoint.every-steps=0", "--set", "log.every-steps=0");
    }

    private String whole(int ranks) throws IOException {
        if (!WHOLE.containsKey(ranks)) {
            Path run = folder.resolve("whole");
            WHOLE.put(ranks, hash(trainSwiftly(ranks, run), run));
        }
        return WHOLE.get(ranks);
    }

    private static String[] words(Path run) {
        return new String[] {"train", "small.yaml", "--output", run.toString(), "--resume", "--set", "train.epochs=" + EPOCHS,
            "--set", CHECKPOINTS};
    }

    /** Trains to the end. */
    private static String hash(ProcessRun program, Path run) throws IOException {
        ProcessRun.Result result = program.run();
        assertEquals(0, result.exitStatus(), result::toString);
        return hash(run);
    }

    private static String hash(Path run) throws IOException {
        return Lockstep.metrics(run, "summary").get(0).get("parameters_sha256").asText();
    }

    private static List<String> checkpoints(Path run, Predicate<String> names) throws IOException {
        try (Stream<Path> files = Files.list(run.resolve("checkpoints"))) {
            return new ArrayList<>(files.map(file -> file.getFileName().toString()).filter(names).sorted().toList());
        }
    }
}
