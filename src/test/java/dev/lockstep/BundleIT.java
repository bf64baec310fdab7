package dev.lockstep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bundle that {@code make bundle} packs, in a root file system without Java, mpirun, a C++ library or an ssh. */
class BundleIT {
    private static final Path BUNDLE = Path.of("target/lockstep-bundle.tar.gz").toAbsolutePath();
    private static final Path BARE_MACHINE = Path.of("src/test/sh/bare-machine.sh").toAbsolutePath();
    private static final String TRAIN = """
            ./lockstep train jobs/wide-mlp.yaml --set data.train.samples=256 --set data.test.samples=64 \
            --set train.batch-size=64 --set train.epochs=1 \
            --set 'model=[linear: {in: 1024, out: 32}, relu, linear: {in: 32, out: 10}]'""";

    @TempDir
    private static Path folder;

    @BeforeAll
    static void findBundle() {
        assertTrue(Files.exists(BUNDLE), () -> BUNDLE + " is missing; run 'make bundle'");
    }

    @Test
    void shouldStayBelowTheSizeThatIsPromised() throws IOException {
        assertTrue(Files.size(BUNDLE) <= 60L << 20, () -> BUNDLE + " is larger than 60 MiB");
    }

    @Test
    void shouldBringItsOwnJava() {
        ProcessRun.Result run = inBareMachine("./lockstep info");

        assertEquals(0, run.exitStatus(), run::toString);
        assertTrue(run.stdout().contains("device    cpu"), run::toString);
        assertEquals("", run.stderr());
    }

    @Test
    void shouldTrainWithRanksThatItsOwnMpirunStarts() throws IOException {
        ProcessRun.Result run = inBareMachine("bin/mpirun -np 2 --oversubscribe --bind-to none " + TRAIN);

        assertEquals(0, run.exitStatus(), run::toString);
        assertEquals(List.of(), run.errorLines());
        Path results = folder.resolve("root/lockstep-bundle/runs/wide-mlp");
        assertEquals(2, Lockstep.metrics(results, "summary").get(0).get("ranks").intValue(), run::toString);
        assertEquals(2, Lockstep.metrics(results, "epoch").get(0).get("step").intValue(), run::toString);
    }

    @Test
    void shouldBringTheScalingBenchmarks() {
        ProcessRun.Result run = inBareMachine("./lockstep bench scaling bench/weak.yaml --set cores=1 --set base=2");

        assertEquals(2, run.exitStatus(), run::toString);
        assertTrue(run.stderr().contains("bench/weak.yaml: 'base' is 2"), run::toString);
    }

    @Test
    void shouldRunTestsWithoutMaven() {
        ProcessRun.Result run = inBareMachine("bin/test-java dev.lockstep.testing.TestRun dev.lockstep.device.cpu.CpuDeviceTest");

        assertEquals(0, run.exitStatus(), run::toString);
        assertTrue(run.stdout().strip().matches("(?s).*\\{\"passed\":[1-9]\\d*,\"failed\":0,.*"), run::toString);
    }

    @Test
    void shouldSayThatThereIsNoGpuToCheck() {
        ProcessRun.Result run = inBareMachine("bench/gpu/check.sh");

        assumeTrue(!run.stdout().contains("gpu-check:"), "this machine has a GPU");
        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(1, run.errorLines().size(), run::toString);
        assertTrue(run.stderr().startsWith("lockstep: error: no GPU on this machine"), run::toString);
    }

    @Test
    void shouldRefuseAGlibcThatIsTooOld() throws IOException {
        inBareMachine("true");
        Path glibc = folder.resolve("root/lockstep-bundle/target/glibc");
        String needed = Files.readString(glibc);
        Files.writeString(glibc, "2.99\n");
        ProcessRun.Result run = inBareMachine("./lockstep info");
        Files.writeString(glibc, needed);

        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(1, run.errorLines().size(), run::toString);
        assertTrue(run.stderr().matches("lockstep: error: this bundle needs glibc 2.99 or later; this machine has 2\\.\\d+\\..*\n"),
                run::toString);
    }

    private static ProcessRun.Result inBareMachine(String command) {
        assumeTrue(ProcessRun.command("unshare", "--user", "--map-root-user", "--mount", "true").run().exitStatus() == 0,
                "this user may not make namespaces here");
        return ProcessRun.command(BARE_MACHINE.toString(), BUNDLE.toString(), folder.resolve("root").toString(), command).run();
    }
}
