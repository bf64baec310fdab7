package dev.lockstep.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.lockstep.InvalidInputException;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** A run's output folder on rank 0: config.yaml, environment.json, metrics.jsonl, checkpoints. */
public final class RunFolder implements TrainingListener, AutoCloseable {
    private static final Path RUNS = Path.of("runs");
    private static final String CONFIG = "config.yaml";
    private static final String METRICS = "metrics.jsonl";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path folder;
    private final FileChannel metrics;
    private byte[] epochsBefore = {};

    private RunFolder(Path folder, FileChannel metrics) {
        this.folder = folder;
        this.metrics = metrics;
    }

    /**
     * Makes the folder and writes what is known before training.
     *
     * @param output      the folder that the user named; without it {@code runs/NAME}, or where that is taken
     *                    {@code runs/NAME-2} and so on
     * @param environment as {@code info} prints it
     * @throws InvalidInputException if the folder cannot be written, or was named and is not empty
     */
    public static RunFolder create(Job job, Optional<Path> output, Map<String, Object> environment) {
        Path folder = output.isPresent() ? OutputFolder.named(output.get()) : OutputFolder.fresh(RUNS, job.name());
        try {
            // Another run may have found the same folder empty at the same moment: the first to make this file has it.
            Files.writeString(folder.resolve(CONFIG), JobFile.toYaml(job), StandardOpenOption.CREATE_NEW,
                    StandardOpenOption.WRITE);
            return open(folder, environment);
        } catch (FileAlreadyExistsException e) {
            throw OutputFolder.notEmpty(folder);
        } catch (IOException e) {
            throw OutputFolder.unwritable(folder, e);
        }
    }

    /** The folder that {@code --resume} is about: the one that the user named, else {@code runs/NAME}. */
    public static Path toResume(Job job, Optional<Path> output) {
        return output.orElse(RUNS.resolve(job.name()));
    }

    /**
     * Goes on in a run's folder, or makes it; the metrics are cut back to where the checkpoint stood.
     *
     * @throws InvalidInputException if the folder cannot be written, holds something else, or another run is writing to it
     */
    public static RunFolder resume(Path folder, Job job, Map<String, Object> environment, Position start) {
        try {
            Files.createDirectories(folder);
            if (!OutputFolder.isEmpty(folder) && Files.notExists(folder.resolve(CONFIG)) && Files.notExists(folder.resolve(METRICS))) {
                throw new InvalidInputException("--resume: " + folder + " holds files, but no run; name another --output");
            }
            RunFolder run = open(folder, environment);
            // Only now that no other run has it. Whole or not at all: a job that ends here is resumed from it.
            Path config = Files.writeString(folder.resolve("." + CONFIG + ".writing"), JobFile.toYaml(job));
            Files.move(config, folder.resolve(CONFIG), StandardCopyOption.ATOMIC_MOVE);
            run.epochsBefore = MetricsCut.cut(run.metrics, start);
            return run;
        } catch (IOException e) {
            throw OutputFolder.unwritable(folder, e);
        }
    }

    private static RunFolder open(Path folder, Map<String, Object> environment) throws IOException {
        FileChannel metrics = FileChannel.open(folder.resolve(METRICS), StandardOpenOption.CREATE,
                StandardOpenOption.READ, StandardOpenOption.WRITE);
        requireAlone(folder, metrics);
        metrics.position(metrics.size());
        Files.write(folder.resolve("environment.json"),
                JSON.copy().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsBytes(environment));
        return new RunFolder(folder, metrics);
    }

    /** The lock goes with the process, however that ends. */
    private static void requireAlone(Path folder, FileChannel metrics) throws IOException {
        boolean locked;
        try {
            locked = metrics.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            locked = false;
        } catch (IOException e) {
            // A file system without locks: nobody can be asked.
            return;
        }
        if (!locked) {
            metrics.close();
            throw new InvalidInputException("another run is writing to " + folder + "; wait for its end or name another"
                    + " --output");
        }
    }

    /**
     * Whether the run's metrics end without the summary that a training which has come to its end leaves there, and it can
     * be made up for; as where it was killed behind its last checkpoint.
     *
     * @param start where the checkpoint stands, at that end
     */
    public static boolean lacksSummary(Path folder, Position start) {
        try {
            return MetricsCut.lacksSummary(folder.resolve(METRICS), start);
        } catch (IOException e) {
            throw OutputFolder.unwritable(folder, e);
        }
    }

    /** The lines of the epochs that were done before, where the run goes on; see {@link EpochMetrics#parse}. */
    public byte[] epochsBefore() {
        return epochsBefore.clone();
    }

    public Path path() {
        return folder;
    }

    public Path checkpoints() {
        return checkpoints(folder);
    }

    public Path trace() {
        return folder.resolve("trace.json");
    }

    static Path checkpoints(Path runFolder) {
        return runFolder.resolve("checkpoints");
    }

    @Override
    public void stepLogged(long step, double loss, double learningRate) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("kind", "step");
        map.put("step", step);
        map.put("loss", loss);
        map.put("learning_rate", learningRate);
        write(map);
    }

    @Override
    public void validated(ValidationMetrics metrics) {
        write(metrics.toMap());
    }

    @Override
    public void epochDone(EpochMetrics epoch) {
        if (Files.notExists(folder.resolve(METRICS))) {
            throw new TrainingException("the run's folder " + folder + " was moved or removed while training; its"
                    + " metrics are lost");
        }
        write(epoch.toMap());
    }

    @Override
    public void trainingDone(TrainingSummary summary) {
        write(summary.toMap());
    }

    /** Each line at once: after a failure the last ones are what the user looks for. */
    private void write(Map<String, Object> line) {
        try {
            ByteBuffer bytes = StandardCharsets.UTF_8.encode(toJson(line) + "\n");
            while (bytes.hasRemaining()) {
                metrics.write(bytes);
            }
        } catch (IOException e) {
            throw new TrainingException(folder.resolve(METRICS) + " could not be written ("
                    + IoMessages.of(e) + "); free space or mend the disk, then go on with --resume", e);
        }
    }

    private static String toJson(Map<String, Object> line) {
        try {
            return JSON.writeValueAsString(line);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("metrics that are no JSON: " + line, e);
        }
    }

    @Override
    public void close() {
        try {
            metrics.close();
        } catch (IOException e) {
            throw new TrainingException(folder.resolve(METRICS) + " could not be written ("
                    + IoMessages.of(e) + ")", e);
        }
    }
}
