package dev.lockstep.testing;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Commands over the two hosts that {@code bench/two-hosts} makes of this machine. */
public final class TwoHosts {
    public static final String SCRIPT = Path.of("bench/two-hosts").toAbsolutePath().toString();

    /** All that the script asks of a machine; says what is missing. */
    private static final String PROBE = """
            [ "$(id -u)" = 0 ] || { echo "two hosts need root"; exit 1; }
            command -v ip && command -v tc || { echo "two hosts need iproute2"; exit 1; }
            unshare --net --uts --mount sh -c 'mount -t tmpfs tmpfs /tmp && ip link add lan type veth peer name nal &&
                tc qdisc add dev lan root tbf rate 1gbit burst 128kb latency 50ms' ||
                { echo "two hosts need namespaces, veth and tbf, which are forbidden or missing here"; exit 1; }
            """;

    private TwoHosts() {}

    /** Skips the test where this machine cannot be two hosts. */
    public static void assumePossible() {
        ProcessRun.Result probe = ProcessRun.command("sh", "-c", PROBE).run();
        assumeTrue(probe.exitStatus() == 0, () -> probe.stdout().lines().reduce("", (first, last) -> last));
    }

    /** {@code bench/two-hosts WORDS}, on the CPU. */
    public static ProcessRun command(String... words) {
        return ProcessRun.command(SCRIPT).arguments(words).environment("CUDA_VISIBLE_DEVICES", "");
    }

    /** {@code bench/two-hosts mpirun -np COUNT ./lockstep ARGUMENTS}, on the CPU. */
    public static ProcessRun ranks(int count, String... arguments) {
        return command("mpirun", "-np", Integer.toString(count), "--oversubscribe", Lockstep.LAUNCHER).arguments(arguments);
    }

    /** Cuts the link between the hosts of a run that has told of them on stderr. */
    public static void cutLink(RunningProcess twoHosts) {
        ProcessRun.Result cut = ProcessRun.command("nsenter", "--net", "--target", Long.toString(twoHosts.handle().pid()),
                "ip", "link", "set", "lan", "down").run();
        if (cut.exitStatus() != 0) {
            throw new AssertionError(cut.toString());
        }
    }

    /** The hosts' networks, as the kernel calls them: {@code net:[4026532323]}. Of a run with ranks on both. */
    public static Set<String> networks(RunningProcess twoHosts) {
        return Stream.concat(Stream.of(twoHosts.handle()), twoHosts.handle().descendants())
                .flatMap(process -> network(process).stream()).collect(Collectors.toSet());
    }

    /** The processes of this machine that are on one of these networks. */
    public static List<ProcessHandle> processesOn(Set<String> networks) {
        return ProcessHandle.allProcesses().filter(process -> network(process).filter(networks::contains).isPresent())
                .toList();
    }

    private static Optional<String> network(ProcessHandle process) {
        try {
            return Optional.of(Files.readSymbolicLink(Path.of("/proc/" + process.pid() + "/ns/net")).toString());
        } catch (IOException e) {
            return Optional.empty(); // gone
        }
    }
}
