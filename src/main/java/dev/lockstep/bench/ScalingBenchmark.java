package dev.lockstep.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.train.IoMessages;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Makes the runs of a plan, one after the other, each {@code bench step} on so many ranks. */
public final class ScalingBenchmark {
    /** A run prints a few lines. */
    private static final long MOST_OUTPUT_BYTES = 64L << 20;

    private final ScalingPlan plan;
    private final ScalingResult.Setup setup;
    private final Path launcher;
    private final Path program;
    private final ScalingOutput output;
    private final Children children = new Children();

    /**
     * @param launcher what starts ranks: the file of mpirun or srun
     * @param program  what each of them runs, {@code ./lockstep}
     * @param output   new, for what the runs write
     */
    public ScalingBenchmark(ScalingPlan plan, ScalingResult.Setup setup, Path launcher, Path program,
            ScalingOutput output) {
        this.plan = plan;
        this.setup = setup;
        this.launcher = launcher;
        this.program = program;
        this.output = output;
    }

    /**
     * Makes the runs. What one of them gave is in scaling.json before the next begins. Where a number of ranks has failed
     * once, it is not tried again: what hangs would do so each time, for as long as the limit lets it.
     *
     * @param progress told of each run when it is done
     */
    public ScalingResult run(Consumer<ScalingRun> progress) {
        String started = ScalingResult.now();
        double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
        List<ScalingRun> runs = new ArrayList<>();
        Set<Integer> failed = new HashSet<>();
        ScalingPlan.Turn interrupted = null;
        for (ScalingPlan.Turn turn : plan.turns()) {
            if (failed.contains(turn.ranks())) {
                continue;
            }
            ScalingRun run = run(turn);
            if (children.isStopped()) {
                interrupted = turn;
                break;
            }
            if (run.failure() != null) {
                failed.add(turn.ranks());
            }
            runs.add(run);
            output.writeJson(result(ScalingResult.State.RUNNING, started, load, runs, null));
            progress.accept(run);
        }
        ScalingResult result = result(children.isStopped() ? ScalingResult.State.INTERRUPTED : ScalingResult.State.COMPLETE,
                started, load, runs, interrupted);
        output.writeJson(result);
        return result;
    }

    /** Ends the run that is under way; {@link #run} returns what there is. By any thread. */
    public void stop() {
        children.stop();
    }

    private ScalingResult result(ScalingResult.State state, String started, double load, List<ScalingRun> runs,
            ScalingPlan.Turn interrupted) {
        return new ScalingResult(ScalingResult.KIND, plan.name(), state, started, ScalingResult.now(), load, setup,
                List.copyOf(runs), interrupted);
    }

    private ScalingRun run(ScalingPlan.Turn turn) {
        List<String> launch = plan.launch(turn.ranks());
        List<String> arguments = plan.arguments(turn.ranks());
        String started = ScalingResult.now();
        long start = System.nanoTime();
        JsonNode line = null;
        String failure = null;
        try {
            line = measure(turn, join(launcher, launch.subList(1, launch.size()), program, arguments));
        } catch (FailedException e) {
            failure = e.getMessage();
        }
        // As a user would type it.
        List<String> command = join(launch.get(0), launch.subList(1, launch.size()), "./lockstep", arguments);
        return new ScalingRun(turn.ranks(), turn.repeat(), command, started, (System.nanoTime() - start) * 1e-9, failure,
                line);
    }

    private static List<String> join(Object launcher, List<String> options, Object program, List<String> arguments) {
        return Stream.of(List.of(launcher.toString()), options, List.of(program.toString()), arguments)
                .flatMap(List::stream).toList();
    }

    private JsonNode measure(ScalingPlan.Turn turn, List<String> command) throws FailedException {
        Path stdout = output.ofRun(turn, "out");
        Path stderr = output.ofRun(turn, "err");
        try {
            OptionalInt status = children.run(command, forRoot(), stdout, stderr, plan.config().timeLimit());
            List<String> printed = lines(stdout);
            if (status.isPresent() && status.getAsInt() == 0) {
                return StepLine.find(printed, turn.ranks(), setup.globalBatch(turn.ranks()));
            }
            String reason = FailureReason.of(printed, lines(stderr));
            String what = status.isPresent() ? "exit status " + status.getAsInt()
                    : "ended after " + plan.config().timeLimit().toSeconds() + " s, the time-limit";
            throw new FailedException(reason.isEmpty() ? what : what + ": " + reason);
        } catch (StepLine.MalformedException e) {
            throw new FailedException(e.getMessage());
        } catch (IOException e) {
            throw new FailedException("it could not be run: " + IoMessages.of(e));
        }
    }

    /** mpirun refuses root otherwise; in containers there is often nobody else. */
    private static Map<String, String> forRoot() throws IOException {
        boolean root = Files.getAttribute(Path.of("/proc/self"), "unix:uid").equals(0);
        return root ? Map.of("OMPI_ALLOW_RUN_AS_ROOT", "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1") : Map.of();
    }

    private static List<String> lines(Path file) throws IOException {
        if (Files.notExists(file)) {
            return List.of();
        }
        if (Files.size(file) > MOST_OUTPUT_BYTES) {
            throw new IOException("it printed " + (Files.size(file) >> 20) + " MiB");
        }
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8).lines().toList();
    }

    /** A run without a result; the message says why. */
    private static final class FailedException extends Exception {
        FailedException(String message) {
            super(message);
        }
    }
}
