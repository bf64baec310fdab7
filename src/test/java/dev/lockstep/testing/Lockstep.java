package dev.lockstep.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The packaged program, as a user starts it. */
public final class Lockstep {
    public static final String LAUNCHER = Path.of("lockstep").toAbsolutePath().toString();

    private Lockstep() {}

    /** {@code mpirun -np COUNT ./lockstep ARGUMENTS}, on the CPU unless a GPU is made visible. */
    public static ProcessRun ranks(int count, String... arguments) {
        return withoutGpu(Mpirun.ranks(count).arguments(LAUNCHER).arguments(arguments));
    }

    /** {@code ./lockstep ARGUMENTS}, on the CPU unless a GPU is made visible. */
    public static ProcessRun alone(String... arguments) {
        return withoutGpu(ProcessRun.command(LAUNCHER).arguments(arguments));
    }

    private static ProcessRun withoutGpu(ProcessRun run) {
        return run.environment("CUDA_VISIBLE_DEVICES", "");
    }

    /** The program's own error lines; whatever stream they came by. */
    public static List<String> errors(ProcessRun.Result run) {
        return Stream.concat(run.stdout().lines(), run.stderr().lines())
                .filter(line -> line.contains("lockstep: error:"))
                .toList();
    }

    /** The lines of one kind in a run's metrics.jsonl: step, epoch or summary. */
    public static List<JsonNode> metrics(Path runFolder, String kind) throws IOException {
        List<JsonNode> metrics = new ArrayList<>();
        for (String line : Files.readAllLines(runFolder.resolve("metrics.jsonl"))) {
            JsonNode json = new ObjectMapper().readTree(line);
            if (json.get("kind").textValue().equals(kind)) {
                metrics.add(json);
            }
        }
        return metrics;
    }

    /** The process of one of the ranks that {@code mpirun} has started. */
    public static ProcessHandle rank(RunningProcess mpirun, int rank) {
        return mpirun.handle().descendants().filter(process -> isRank(process, rank)).findFirst().orElseThrow();
    }

    private static boolean isRank(ProcessHandle process, int rank) {
        try {
            return List.of(Files.readString(Path.of("/proc/" + process.pid() + "/environ")).split("\0"))
                    .contains("OMPI_COMM_WORLD_RANK=" + rank);
        } catch (IOException e) {
            return false;
        }
    }

    /** Running processes of this machine that work in {@code directory}. */
    public static List<ProcessHandle> processesOf(Path directory) {
        return ProcessHandle.allProcesses().filter(process -> worksIn(process, directory)).toList();
    }

    private static boolean worksIn(ProcessHandle process, Path directory) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/" + process.pid() + "/cwd")).equals(directory.toRealPath());
        } catch (IOException e) {
            return false; // gone
        }
    }

    /**
     * Waits until all have ended.
     *
     * @throws java.util.concurrent.CompletionException if one still runs after {@code seconds}
     */
    public static void awaitExits(List<ProcessHandle> processes, long seconds) {
        for (ProcessHandle process : processes) {
            process.onExit().orTimeout(seconds, TimeUnit.SECONDS).join();
        }
    }
}
