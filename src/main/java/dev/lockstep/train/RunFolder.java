package dev.lockstep.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.lockstep.InvalidInputException;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** A run's output folder on rank 0: config.yaml, environment.json, metrics.jsonl, checkpoints. */
public final class RunFolder implements TrainingListener, AutoCloseable {
    private static final int LARGEST_SUFFIX = 100_000;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path folder;
    private final Writer metrics;

    private RunFolder(Path folder, Writer metrics) {
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
        Path folder = output.isPresent() ? named(output.get()) : fresh(Path.of("runs"), job.name());
        try {
            // Another run may have found the same folder empty at the same moment: the first to make this file has it.
            Files.writeString(folder.resolve("config.yaml"), JobFile.toYaml(job), StandardOpenOption.CREATE_NEW,
                    StandardOpenOption.WRITE);
            Files.write(folder.resolve("environment.json"),
                    JSON.copy().enable(SerializationFeature.INDENT_OUTPUT).writeValueAsBytes(environment));
            return new RunFolder(folder, Files.newBufferedWriter(folder.resolve("metrics.jsonl"),
                    StandardOpenOption.CREATE_NEW, StandardOpenOption.APPEND));
        } catch (FileAlreadyExistsException e) {
            throw notEmpty(folder);
        } catch (IOException e) {
            throw unwritable(folder, e);
        }
    }

    private static Path named(Path folder) {
        try {
            Files.createDirectories(folder);
            try (Stream<Path> content = Files.list(folder)) {
                if (content.findAny().isPresent()) {
                    throw notEmpty(folder);
                }
            }
            return folder;
        } catch (IOException e) {
            throw unwritable(folder, e);
        }
    }

    private static InvalidInputException notEmpty(Path folder) {
        return new InvalidInputException("--output " + folder
                + ": the folder is not empty; name another or remove it");
    }

    /** Creating the folder claims it, also against another job that starts at the same time. */
    private static Path fresh(Path parent, String name) {
        try {
            Files.createDirectories(parent);
            for (int i = 1; i < LARGEST_SUFFIX; i++) {
                Path folder = parent.resolve(i == 1 ? name : name + "-" + i);
                try {
                    return Files.createDirectory(folder);
                } catch (FileAlreadyExistsException e) {
                    // Taken: try the next.
                }
            }
        } catch (IOException e) {
            throw unwritable(parent.resolve(name), e);
        }
        throw new InvalidInputException("all of " + parent.resolve(name) + " to -" + LARGEST_SUFFIX
                + " are taken; name a folder with --output");
    }

    private static InvalidInputException unwritable(Path folder, IOException e) {
        return new InvalidInputException("the output folder " + folder + " cannot be written ("
                + IoMessages.of(e) + "); name another with --output", e);
    }

    public Path path() {
        return folder;
    }

    public Path checkpoints() {
        return folder.resolve("checkpoints");
    }

    @Override
    public void stepLogged(long step, double loss) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("kind", "step");
        map.put("step", step);
        map.put("loss", loss);
        write(map);
    }

    @Override
    public void epochDone(EpochMetrics epoch) {
        if (Files.notExists(folder.resolve("metrics.jsonl"))) {
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
            metrics.write(toJson(line));
            metrics.write('\n');
            metrics.flush();
        } catch (IOException e) {
            throw new TrainingException(folder.resolve("metrics.jsonl") + " could not be written ("
                    + IoMessages.of(e) + ")", e);
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
            throw new TrainingException(folder.resolve("metrics.jsonl") + " could not be written ("
                    + IoMessages.of(e) + ")", e);
        }
    }
}
