package dev.lockstep.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Writes checkpoints on rank 0: {@code model.safetensors} with PyTorch's names and shapes, {@code
 * optimizer.safetensors}, {@code state.json}. A checkpoint appears under its name only when it is whole: it is written
 * under another name, synced and renamed. Keeps the newest ones.
 */
final class CheckpointWriter {
    /** Where training stands: epochs completed, and steps since the start. */
    record Position(int epoch, long step) {
    }

    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    private static final String TEMPORARY_PREFIX = ".writing-";
    private static final String REMOVED_PREFIX = ".removing-";

    private final Path folder;
    private final int keep;
    private final ParameterArena arena;
    private final Optimizer optimizer;
    private final Deque<Path> written = new ArrayDeque<>();

    /**
     * @param folder of all checkpoints; made when the first is written
     * @param keep   checkpoints to keep, at least 1
     */
    CheckpointWriter(Path folder, int keep, ParameterArena arena, Optimizer optimizer) {
        this.folder = folder;
        this.keep = Math.max(1, keep);
        this.arena = arena;
        this.optimizer = optimizer;
    }

    static String epochName(int epoch) {
        return String.format(Locale.ROOT, "epoch-%04d", epoch);
    }

    static String stepName(long step) {
        return String.format(Locale.ROOT, "step-%08d", step);
    }

    /**
     * Writes one checkpoint; returns its folder.
     *
     * @param details what state.json says beside the position
     * @throws TrainingException if it cannot be written; the checkpoints before it stand
     */
    Path write(String name, Position position, Map<String, Object> details) {
        Path target = folder.resolve(name);
        Path temporary = folder.resolve(TEMPORARY_PREFIX + name);
        try {
            Files.createDirectories(folder);
            remove(temporary);
            Files.createDirectory(temporary);
            Map<String, String> metadata = Map.of("format", "pt");
            Safetensors.write(temporary.resolve("model.safetensors"), parameters(), metadata);
            Safetensors.write(temporary.resolve("optimizer.safetensors"), optimizerState(), metadata);
            writeState(temporary.resolve("state.json"), position, details);
            sync(temporary);
            remove(target);
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
            sync(folder);
        } catch (IOException e) {
            throw new TrainingException("checkpoint " + target + " could not be written (" + IoMessages.of(e)
                    + "); free space or choose another --output; earlier checkpoints stand", e);
        }
        written.remove(target);
        written.addLast(target);
        while (written.size() > keep) {
            Path oldest = written.removeFirst();
            try {
                // So that what is left of it, should this be cut short, does not pass for a checkpoint.
                Path removed = folder.resolve(REMOVED_PREFIX + oldest.getFileName());
                remove(removed);
                Files.move(oldest, removed, StandardCopyOption.ATOMIC_MOVE);
                remove(removed);
            } catch (IOException e) {
                throw new TrainingException("the old checkpoint " + oldest + " could not be removed ("
                        + IoMessages.of(e) + ")", e);
            }
        }
        return target;
    }

    private List<Safetensors.Tensor> parameters() {
        return arena.modelOrder().stream()
                .map(parameter -> new Safetensors.Tensor(parameter.name(), shape(parameter), parameter.value()))
                .toList();
    }

    private List<Safetensors.Tensor> optimizerState() {
        List<Safetensors.Tensor> tensors = new ArrayList<>();
        for (Map.Entry<String, DeviceBuffer> state : optimizer.state().entrySet()) {
            for (Parameter parameter : arena.modelOrder()) {
                DeviceBuffer values = state.getValue().slice(parameter.firstElement(),
                        parameter.shape().elementCount());
                tensors.add(new Safetensors.Tensor(parameter.name() + "." + state.getKey(), shape(parameter), values));
            }
        }
        return tensors;
    }

    private static long[] shape(Parameter parameter) {
        return parameter.shape().isMatrix() ? new long[] {parameter.shape().rows(), parameter.shape().columns()}
                : new long[] {parameter.shape().rows()};
    }

    private void writeState(Path file, Position position, Map<String, Object> details) throws IOException {
        Map<String, Object> state = new LinkedHashMap<>();
        state.put("format", 1);
        state.put("epoch", position.epoch());
        state.put("step", position.step());
        state.put("optimizer_steps", optimizer.steps());
        state.putAll(details);
        Files.write(file, JSON.writeValueAsBytes(state), StandardOpenOption.CREATE_NEW);
        sync(file);
    }

    private static void sync(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static void remove(Path tree) throws IOException {
        if (!Files.exists(tree)) {
            return;
        }
        List<Path> paths;
        try (Stream<Path> walk = Files.walk(tree)) {
            paths = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : paths) {
            Files.delete(path);
        }
    }
}
