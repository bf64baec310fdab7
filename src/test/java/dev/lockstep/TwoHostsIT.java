package dev.lockstep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import dev.lockstep.testing.RunningProcess;
import dev.lockstep.testing.TwoHosts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Real mpirun runs over the two hosts of {@code bench/two-hosts}. */
class TwoHostsIT {
    /** 20 steps on two ranks, with some 17,000 parameters; more than one chunk. */
    private static final String JOB = """
            name: two-hosts
            threads: 1
            data: {train: {format: synthetic, samples: 640, features: 64, classes: 10}}
            model: [linear: {in: 64, out: 220}, relu, linear: {in: 220, out: 10}]
            optimizer: {sgd: {lr: 0.01, momentum: 0.9}}
            train: {epochs: 2, batch-size: 32}
            distributed: {first-bucket: 1KiB, bucket: 16KiB, chunk: 16KiB}
            log: {every-steps: 1}
            """;
    private static final long GRADIENT_BYTES_OF_20_STEPS = 20 * 4L * (64 * 220 + 220 + 220 * 10 + 10);
    private static final String ENDLESS = "train.epochs=2000000000";

    @TempDir
    private Path folder;

    @BeforeEach
    void writeJob() throws IOException {
        TwoHosts.assumePossible();
        Files.writeString(folder.resolve("job.yaml"), JOB);
    }

    @Test
    void shouldStartRanksOnBothHostsEachWithItsOwnCores() throws Exception {
        ProcessRun.Result run = TwoHosts.ranks(4, "info", "--json").run();

        assertEquals(0, run.exitStatus(), run::toString);
        JsonNode ranks = new ObjectMapper().readTree(run.stdout()).get("ranks");
        assertEquals(4, ranks.size());
        for (int rank = 0; rank < 4; rank++) {
            assertEquals(rank < 2 ? "host-a" : "host-b", ranks.get(rank).get("host").asText(), run::toString);
            assertEquals(rank % 2, ranks.get(rank).get("local_rank").asInt(), run::toString);
            assertEquals(2, ranks.get(rank).get("local_size").asInt(), run::toString);
        }
        // Where there is a core for each: with more, the test knows no more than the script.
        if (Runtime.getRuntime().availableProcessors() == 2 && cores() == 2) {
            assertEquals(ranks.get(0).get("cpus"), ranks.get(1).get("cpus"));
            assertEquals(ranks.get(2).get("cpus"), ranks.get(3).get("cpus"));
            assertNotEquals(ranks.get(1).get("cpus"), ranks.get(2).get("cpus"));
            ranks.forEach(rank -> assertEquals(1, rank.get("threads").asInt(), run::toString));
        }
        // mpirun's own notices aside, such as that of a daemon that was faster than its setpgid.
        List<String> lines = run.errorLines().stream().filter(line -> !line.startsWith("[host-a:")).toList();
        assertEquals(1, lines.size(), run::toString);
        assertTrue(lines.get(0).matches("two-hosts: host-a \\(10\\.0\\.0\\.1, CPUs [0-9,]+\\),"
                + " host-b \\(10\\.0\\.0\\.2, CPUs [0-9,]+\\), 1gbit;"
                + " to cut the link: nsenter --net --target [0-9]+ ip link set lan down"), run::toString);
    }

    @Test
    void shouldTrainAsOnOneHost() throws Exception {
        train(TwoHosts.ranks(2), folder.resolve("two"));
        train(Lockstep.ranks(2), folder.resolve("one"));

        assertEquals(20, Lockstep.metrics(folder.resolve("two"), "step").size());
        assertEquals(Lockstep.metrics(folder.resolve("one"), "step"), Lockstep.metrics(folder.resolve("two"), "step"));
        assertEquals(Lockstep.metrics(folder.resolve("one"), "summary").get(0).get("parameters_sha256"),
                Lockstep.metrics(folder.resolve("two"), "summary").get(0).get("parameters_sha256"));
    }

    /** Each host's ranks sum in memory that they share, and each of them its part with its like on the other host. */
    @Test
    void shouldTrainAsOnOneHostWithSeveralRanksOnEach() throws Exception {
        for (String overlap : List.of("true", "false")) {
            Path two = folder.resolve("two-" + overlap);
            ProcessRun.Result run = train(TwoHosts.ranks(4), two, "--set", "distributed.overlap=" + overlap);
            assertTrue(run.stdout().contains(" chunks through shared memory, "), run::toString);
        }
        ProcessRun.Result run = train(Lockstep.ranks(4), folder.resolve("one"), "--set", "distributed.shared-memory=false");
        assertFalse(run.stdout().contains("shared memory"), run::toString);

        List<JsonNode> twoHosts = Lockstep.metrics(folder.resolve("two-true"), "step");
        assertEquals(Lockstep.metrics(folder.resolve("two-false"), "step"), twoHosts);
        List<JsonNode> oneHost = Lockstep.metrics(folder.resolve("one"), "step");
        assertEquals(10, oneHost.size());
        for (int i = 0; i < 10; i++) {
            double loss = oneHost.get(i).get("loss").asDouble();
            assertEquals(loss, twoHosts.get(i).get("loss").asDouble(), 1e-5 * loss, "step " + (i + 1));
        }
    }

    @Test
    void shouldSendGradientsOverTheLinkAndOnlyThere() throws Exception {
        JsonNode twoHosts = linkAfterTraining("");
        JsonNode oneHost = linkAfterTraining("--host host-a:2");

        for (String direction : List.of("tx", "rx")) {
            long bytes = twoHosts.get(direction).get("bytes").asLong();
            assertTrue(bytes >= GRADIENT_BYTES_OF_20_STEPS, twoHosts::toString);
            assertTrue(oneHost.get(direction).get("bytes").asLong() < bytes / 4, () -> oneHost + "\n" + twoHosts);
        }
    }

    /** What has passed over the link from and to host-a in the end. */
    private JsonNode linkAfterTraining(String mpirunOptions) throws IOException {
        ProcessRun.Result run = TwoHosts.command("sh", "-c", "mpirun -np 2 " + mpirunOptions + " \"$@\" >&2 &&"
                + " ip -s -j link show lan", "sh", Lockstep.LAUNCHER, "train", "job.yaml").directory(folder).run();

        assertEquals(0, run.exitStatus(), run::toString);
        return new ObjectMapper().readTree(run.stdout()).get(0).get("stats64");
    }

    @ParameterizedTest
    @CsvSource({"200mbit, 25000000, 131072", "2.5gbit, 312500000, 156250", "10gbit, 1250000000, 625000"})
    void shouldLimitTheLinkInBothDirections(String rate, long bytesPerSecond, long burstBytes) throws Exception {
        ProcessRun.Result run = TwoHosts.command("--rate=" + rate, "sh", "-c", "tc -j qdisc show dev lan && echo &&"
                + " nsenter --net=/run/netns/host-b tc -j qdisc show dev lan").run();

        assertEquals(0, run.exitStatus(), run::toString);
        List<String> ends = run.stdout().lines().filter(line -> !line.isBlank()).toList();
        assertEquals(2, ends.size(), run::toString);
        for (String end : ends) {
            JsonNode queue = new ObjectMapper().readTree(end).get(0);
            assertEquals("tbf", queue.get("kind").asText());
            assertEquals(bytesPerSecond, queue.get("options").get("rate").asLong());
            // The kernel counts it in time.
            assertEquals(burstBytes, queue.get("options").get("burst").asDouble(), 0.01 * burstBytes);
        }
    }

    @Test
    void shouldPassOnTheCommandsArgumentsOutputAndExitStatus() {
        ProcessRun.Result run = TwoHosts.command("--", "sh", "-c", "printf '%s|' \"$@\"; exit 7", "sh", "a b", "", "--rate")
                .run();

        assertEquals("a b||--rate|", run.stdout());
        assertEquals(7, run.exitStatus(), run::toString);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3})
    void shouldLeaveNothingWhenRanksEnd(int exitStatus) throws Exception {
        ProcessRun.Result run = TwoHosts.command("mpirun", "-np", "2", "sh", "-c", "readlink /proc/self/ns/net; exit "
                + exitStatus).run();

        assertEquals(exitStatus, run.exitStatus(), run::toString);
        Set<String> networks = Set.copyOf(run.stdout().lines().toList());
        assertEquals(2, networks.size(), run::toString);
        assertNothingIsLeft(networks);
    }

    @ParameterizedTest
    @CsvSource({"TERM, 1", "INT, 1", "HUP, 1", "USR1, 75"})
    void shouldPassOnSignalsAndLeaveNothing(String signal, int exitStatus) throws Exception {
        try (RunningProcess training = training(ENDLESS)) {
            Set<String> networks = TwoHosts.networks(training);
            assertEquals(2, networks.size());
            send(signal, training.handle());

            ProcessRun.Result run = training.awaitExit();

            assertEquals(exitStatus, run.exitStatus(), run::toString);
            assertNothingIsLeft(networks);
        }
    }

    @Test
    void shouldLeaveNothingWhereItIsKilled() throws Exception {
        try (RunningProcess training = training(ENDLESS)) {
            Set<String> networks = TwoHosts.networks(training);
            assertEquals(2, networks.size());
            training.handle().destroyForcibly();

            assertEquals(137, training.awaitExit().exitStatus());
            assertNothingIsLeft(networks);
        }
    }

    /** Ranks of another program than this, which do not see that mpirun is gone. */
    @Test
    void shouldEndWhatItsCommandLeavesWhereItIsKilled() throws Exception {
        try (RunningProcess command = TwoHosts.command("mpirun", "-np", "4", "--oversubscribe", "sh", "-c",
                "trap '' TERM; echo begun-$OMPI_COMM_WORLD_RANK; sleep 300; sleep 300").start()) {
            for (int rank = 0; rank < 4; rank++) {
                command.awaitStdout("begun-" + rank);
            }
            Set<String> networks = TwoHosts.networks(command);
            assertEquals(2, networks.size());
            command.handle().destroyForcibly();

            assertEquals(137, command.awaitExit().exitStatus());
            assertNothingIsLeft(networks);
        }
    }

    @Test
    void shouldEndWhatItsCommandLeavesInTheBackground() throws Exception {
        ProcessRun.Result run = TwoHosts.command("sh", "-c", "readlink /proc/self/ns/net; setsid sleep 300 & exit 3").run();

        assertEquals(3, run.exitStatus(), run::toString);
        assertNothingIsLeft(Set.copyOf(run.stdout().lines().toList()));
    }

    /** It is over almost before anything else has begun. */
    @RepeatedTest(20)
    void shouldEndWhatAShortCommandLeavesInTheBackground() throws Exception {
        ProcessRun.Result run = TwoHosts.command("sh", "-c", "setsid sleep 300 & exec readlink /proc/self/ns/net").run();

        assertEquals(0, run.exitStatus(), run::toString);
        assertNothingIsLeft(Set.copyOf(run.stdout().lines().toList()));
    }

    @Test
    void shouldRunSeveralTimesAtOnce() throws Exception {
        try (RunningProcess training = training(ENDLESS)) {
            ProcessRun.Result other = TwoHosts.ranks(2, "info", "--json").run();
            assertEquals(0, other.exitStatus(), other::toString);
            assertTrue(training.handle().isAlive());
        }
    }

    /** mpirun 4.1 and its daemon on the other side of the cut would wait for each other; ranks kill them. */
    @Test
    void shouldEndAllOnBothSidesWhereTheLinkIsCut() throws Exception {
        // As where ssh starts the daemon: it does not die with mpirun.
        ProcessRun program = TwoHosts.command("sh", "-c", "sed 's/setpriv --pdeathsig KILL//' /run/netns/rsh >/run/netns/agent"
                + " && chmod +x /run/netns/agent && OMPI_MCA_plm_rsh_agent=/run/netns/agent exec mpirun -np 2 --oversubscribe \"$@\"",
                "sh", Lockstep.LAUNCHER);
        try (RunningProcess training = training(program, ENDLESS, "timeout=4s")) {
            Set<String> networks = TwoHosts.networks(training);
            List<ProcessHandle> ranks = List.of(Lockstep.rank(training, 0), Lockstep.rank(training, 1));
            TwoHosts.cutLink(training);

            training.awaitStderr("lockstep: error: ");
            Lockstep.awaitExits(ranks, 10);
            ProcessRun.Result run = training.awaitExit();

            assertEquals(1, Lockstep.errors(run).size(), run::toString);
            // With epoch and step, if it has said so before the cut.
            assertTrue(Lockstep.errors(run).get(0).matches(".*rank 1 on host host-b[,:] .*"), run::toString);
            assertNothingIsLeft(networks);
        }
    }

    /** Of this machine; each may run several threads. */
    private static long cores() {
        return ProcessRun.command("lscpu", "--parse=CORE").run().stdout().lines().filter(line -> !line.startsWith("#"))
                .distinct().count();
    }

    /** Two ranks that train, some epochs of it behind them. */
    private RunningProcess training(String... sets) {
        return training(TwoHosts.ranks(2), sets);
    }

    private RunningProcess training(ProcessRun ranks, String... sets) {
        ProcessRun command = ranks.arguments("train", "job.yaml", "--set", "log.every-steps=0").directory(folder);
        for (String set : sets) {
            command.arguments("--set", set);
        }
        RunningProcess process = command.start();
        try {
            process.awaitStdout("epoch 3/");
        } catch (AssertionError e) {
            process.close();
            throw e;
        }
        return process;
    }

    private ProcessRun.Result train(ProcessRun ranks, Path output, String... options) {
        String job = folder.resolve("job.yaml").toString();
        ProcessRun.Result run = ranks.arguments("train", job, "--output", output.toString()).arguments(options).run();
        assertEquals(0, run.exitStatus(), run::toString);
        return run;
    }

    private static void send(String signal, ProcessHandle process) {
        ProcessRun.Result run = ProcessRun.command("kill", "-" + signal, Long.toString(process.pid())).run();
        assertEquals(0, run.exitStatus(), run::toString);
    }

    /** Without processes a network lives on only if something has mounted it. */
    private static void assertNothingIsLeft(Set<String> networks) throws IOException {
        Lockstep.awaitExits(TwoHosts.processesOn(networks), 10);
        assertEquals(List.of(), TwoHosts.processesOn(networks));
        String mounts = Files.readString(Path.of("/proc/self/mountinfo"));
        assertFalse(networks.stream().anyMatch(mounts::contains), mounts);
        assertFalse(mounts.contains(" two-hosts "), mounts);
        assertFalse(Files.exists(Path.of("/run/netns/host-b")));
        assertNotEquals("host-a", Files.readString(Path.of("/proc/sys/kernel/hostname")).strip());
    }
}
