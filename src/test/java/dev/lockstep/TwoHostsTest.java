package dev.lockstep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.testing.ProcessRun;
import dev.lockstep.testing.TwoHosts;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code bench/two-hosts} refuses; TwoHostsIT has what it does. */
class TwoHostsTest {
    @TempDir
    private Path folder;

    static Stream<Arguments> wrongArguments() {
        return Stream.of(
                Arguments.of(List.of(), "no command is given; for example: bench/two-hosts mpirun -np 2 ./lockstep info"),
                Arguments.of(List.of("--rate", "1gbit"),
                        "no command is given; for example: bench/two-hosts mpirun -np 2 ./lockstep info"),
                Arguments.of(List.of("--rate"), "--rate needs a bandwidth: --rate 1gbit"),
                Arguments.of(List.of("--speed", "1gbit", "true"), "unknown option '--speed'; see bench/two-hosts --help"),
                Arguments.of(List.of("no-such-command", "true"), "there is no command 'no-such-command'"));
    }

    @ParameterizedTest
    @MethodSource("wrongArguments")
    void shouldRefuseWrongArguments(List<String> arguments, String message) {
        ProcessRun.Result run = ProcessRun.command(TwoHosts.SCRIPT).arguments(arguments.toArray(String[]::new)).run();

        refused(message, run);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "fast", "1", "1gb", "-1gbit", "0gbit", "1.gbit", "1e3mbit", "1gbit x", "0.5mbit",
        "1001gbit"})
    void shouldRefuseARateThatIsNone(String rate) {
        ProcessRun.Result run = ProcessRun.command(TwoHosts.SCRIPT, "--rate", rate, "true").run();

        refused("--rate is '" + rate + "'; give a bandwidth from 1mbit to 1000gbit, as 100mbit or 2.5gbit", run);
    }

    @Test
    void shouldSayThatItNeedsRoot() throws Exception {
        program("id", "echo 1000");

        refused("only root may make network namespaces; run it as root", ProcessRun.command(TwoHosts.SCRIPT, "true")
                .environment("PATH", folder + ":" + System.getenv("PATH")).run());
    }

    @ParameterizedTest
    @ValueSource(strings = {"ip", "tc"})
    void shouldSayThatItNeedsIproute2(String missing) throws Exception {
        program("id", "echo 0");
        for (String tool : List.of("true", "awk", "ip", "tc")) {
            program(tool, "exec /usr/bin/" + tool + " \"$@\"");
        }
        Files.delete(folder.resolve(missing));

        refused("there is no '" + missing + "' in PATH; install iproute2",
                ProcessRun.command("/bin/sh", TwoHosts.SCRIPT, "true").environment("PATH", folder.toString()).run());
    }

    @Test
    void shouldSayThatNamespacesAreForbidden() throws Exception {
        program("id", "echo 0");
        program("ip", "exit 1");
        program("tc", "exit 1");
        program("unshare", "echo 'unshare: unshare failed: Operation not permitted' >&2; exit 1");

        refused("'unshare --net --uts --mount true' failed: unshare: unshare failed: Operation not permitted",
                ProcessRun.command(TwoHosts.SCRIPT, "true").environment("PATH", folder + ":" + System.getenv("PATH")).run());
    }

    @Test
    void shouldShowItsHelp() {
        ProcessRun.Result run = ProcessRun.command(TwoHosts.SCRIPT, "--help").run();

        assertEquals(0, run.exitStatus(), run::toString);
        assertTrue(run.stdout().startsWith("two-hosts [--rate RATE] COMMAND [ARGUMENT]...: "), run::toString);
        assertTrue(run.stdout().endsWith("its exit status.\n"), run::toString);
    }

    private static void refused(String message, ProcessRun.Result run) {
        assertEquals(List.of("lockstep: error: two-hosts: " + message), run.errorLines(), run::toString);
        assertEquals("", run.stdout());
        assertEquals(2, run.exitStatus(), run::toString);
    }

    private void program(String name, String script) throws Exception {
        Path file = Files.writeString(folder.resolve(name), "#!/bin/sh\n" + script + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
}
