package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.testing.ProcessRun;
import dev.lockstep.testing.RunningProcess;
import dev.lockstep.testing.SlurmCluster;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A job of Slurm's.
 *
 * @param id     Slurm's number
 * @param output the file of what it prints, in all of its runs
 */
record SlurmJob(String id, Path output) {
    /** Slurm takes its time: a time limit's signal up to a minute, a requeued job's next start some seconds. */
    private static final Duration LIMIT = Duration.ofSeconds(100);
    private static final Pattern STOPPED = Pattern.compile("\nstopped on request after step (\\d+), with a checkpoint;");

    /**
     * {@code sbatch OPTIONS SCRIPT ARGUMENTS}, in {@code folder}.
     *
     * @param words of the command line after sbatch
     */
    static SlurmJob submit(Path folder, String... words) {
        List<String> command = new ArrayList<>(List.of("sbatch", "--parsable", "--output=%j.out"));
        command.addAll(List.of(words));
        String id = succeed(folder, command.toArray(String[]::new));
        return new SlurmJob(id, folder.resolve(id + ".out"));
    }

    /** One of this array's; its output goes to {@code ARRAY_TASK.out}. */
    SlurmJob task(int number) {
        String task = id + "_" + number;
        return new SlurmJob(task, output.resolveSibling(task + ".out"));
    }

    /** Runs a command on the cluster, in {@code folder}, and returns what it has printed. */
    static String succeed(Path folder, String... command) {
        ProcessRun.Result result = SlurmCluster.command(command).directory(folder).run();
        assertEquals(0, result.exitStatus(), result::toString);
        return result.stdout().strip();
    }

    /** Waits until it has printed {@code text}, in whichever of its runs. */
    void await(String text) {
        awaitFrom(0, text);
    }

    private void awaitFrom(long offset, String text) {
        try (RunningProcess tail = follow(offset)) {
            tail.awaitStdout(text);
        }
    }

    private RunningProcess follow(long offset) {
        return ProcessRun.command("tail", "-c", "+" + (offset + 1), "-F", output.toString()).limit(LIMIT).start();
    }

    /** Waits until it trains from the start. */
    void awaitTraining() {
        await("\nepoch ");
    }

    /** Waits until it has gone on from the checkpoint of {@code step}, and trains. */
    void awaitTrainingFrom(int step) throws IOException {
        await(String.format("/step-%08d: %d steps are done", step, step));
        awaitFrom(Files.size(output), "\nepoch ");
    }

    /**
     * Has a command stop the job, which trains, and waits for its checkpoint.
     *
     * @return the step after which it has stopped
     */
    int stopBy(String... command) throws IOException {
        long offset = Files.size(output);
        succeed(output.getParent(), command);
        return awaitStopFrom(offset);
    }

    /** Waits until somebody else has stopped it for the first time; returns the step. */
    int awaitStop() throws IOException {
        return awaitStopFrom(0);
    }

    private int awaitStopFrom(long offset) throws IOException {
        awaitFrom(offset, ", with a checkpoint; run again with --resume");
        return STOPPED.matcher(Files.readString(output)).results()
                .mapToInt(result -> Integer.parseInt(result.group(1))).max().orElseThrow();
    }
}
