package dev.lockstep.train;

import dev.lockstep.InvalidInputException;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.tensor.ParameterArena;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Consumer;

/** A checkpoint on the disk. What is read of it is held against the sums that it was written with. */
public final class Checkpoint {
    static final String MODEL = "model.safetensors";
    static final String OPTIMIZER = "optimizer.safetensors";
    static final String STATE = "state.json";
    private static final List<String> TENSORS = List.of(MODEL, OPTIMIZER);

    private static final int LARGEST_STATE_BYTES = 4 << 20;
    private static final String HOW_TO_NAME = "name a checkpoint's folder, such as runs/NAME/checkpoints/epoch-0001, or a run's";

    private final Path folder;
    private final CheckpointState state;

    private Checkpoint(Path folder, CheckpointState state) {
        this.folder = folder;
        this.state = state;
    }

    /**
     * Reads all but the tensors, of which it looks at the lengths: their sums are known once they have been read.
     *
     * @throws InvalidInputException naming the folder and how it is damaged
     */
    public static Checkpoint open(Path folder) {
        requireKnownFormat(folder);
        Checkpoint checkpoint = new Checkpoint(folder, state(folder));
        for (String name : TENSORS) {
            checkpoint.requireLength(name);
        }
        if (checkpoint.state.files().containsKey(Preprocessing.FILE)) {
            checkpoint.requireWhole(Preprocessing.FILE);
        }
        return checkpoint;
    }

    /**
     * Reads all of it once.
     *
     * @throws InvalidInputException as above
     */
    static Checkpoint openWhole(Path folder) {
        Checkpoint checkpoint = open(folder);
        TENSORS.forEach(checkpoint::requireWhole);
        return checkpoint;
    }

    private void requireLength(String name) {
        BytesSum written = state.files().get(name);
        try {
            if (written == null || written.bytes() != Files.size(folder.resolve(name))) {
                throw damaged(folder, name + " does not have the length that it was written with");
            }
        } catch (IOException e) {
            throw damaged(folder, IoMessages.of(e));
        }
    }

    private void requireWhole(String name) {
        requireLength(name);
        try {
            requireSum(name, BytesSum.of(folder.resolve(name)));
        } catch (IOException e) {
            throw damaged(folder, IoMessages.of(e));
        }
    }

    private void requireSum(String name, BytesSum found) {
        if (!found.equals(state.files().get(name))) {
            throw damaged(folder, name + " does not have the sum that it was written with");
        }
    }

    /**
     * The checkpoint that a user means, every byte of it as it was written: the folder itself, or where that is a run's its
     * newest whole one.
     *
     * @param warnings hears of damaged ones that were left out
     */
    public static Checkpoint find(Path path, Consumer<String> warnings) {
        if (Files.exists(path.resolve(STATE)) || Files.exists(path.resolve(MODEL))) {
            return openWhole(path);
        }
        if (Files.notExists(path)) {
            throw new InvalidInputException(path + " does not exist; " + HOW_TO_NAME);
        }
        List<String> damaged = new ArrayList<>();
        Optional<Checkpoint> newest = CheckpointFolder.newestWhole(RunFolder.checkpoints(path), damaged);
        damaged.forEach(warnings);
        return newest.orElseThrow(() -> new InvalidInputException(path + " holds no whole checkpoint; " + HOW_TO_NAME));
    }

    /** Its state.json alone; see {@link #open}. */
    static CheckpointState state(Path folder) {
        try (InputStream in = Files.newInputStream(folder.resolve(STATE))) {
            return CheckpointState.parse(in.readNBytes(LARGEST_STATE_BYTES));
        } catch (InvalidInputException e) {
            throw damaged(folder, e.getMessage());
        } catch (IOException e) {
            throw damaged(folder, IoMessages.of(e));
        }
    }

    /**
     * What another version has written is not damaged: it is not to be left out, and in the end removed.
     *
     * @throws InvalidInputException naming both formats
     */
    static void requireKnownFormat(Path folder) {
        try (InputStream in = Files.newInputStream(folder.resolve(STATE))) {
            OptionalInt format = CheckpointState.format(in.readNBytes(LARGEST_STATE_BYTES));
            if (format.isPresent() && format.getAsInt() != CheckpointState.FORMAT) {
                throw new InvalidInputException("checkpoint " + folder + " was written by another version (in format "
                        + format.getAsInt() + ", and this one reads " + CheckpointState.FORMAT
                        + "); use that version");
            }
        } catch (IOException e) {
            // Damaged, as will be said.
        }
    }

    private static InvalidInputException damaged(Path folder, String how) {
        return new InvalidInputException("checkpoint " + folder + " is damaged (" + how + ")");
    }

    public Path folder() {
        return folder;
    }

    public CheckpointState state() {
        return state;
    }

    /**
     * Overwrites all that training goes on from, reading each file once.
     *
     * @return false if the checkpoint is damaged; what it has overwritten is of no use then
     * @throws InvalidInputException if it is whole, and of another model or optimizer
     */
    public boolean read(Replica replica) {
        try {
            readModel(replica.parameters(), replica.buffers());
            read(OPTIMIZER, NamedTensor.optimizerState(replica.parameters(), replica.optimizer()));
            return true;
        } catch (InvalidInputException e) {
            if (isWhole()) {
                throw e;
            }
            return false;
        }
    }

    private boolean isWhole() {
        try {
            openWhole(folder);
            return true;
        } catch (InvalidInputException e) {
            return false;
        }
    }

    /** @throws InvalidInputException if the model has other parameters or buffers, or the file is damaged */
    void readModel(ParameterArena arena, ModelBuffers buffers) {
        read(MODEL, NamedTensor.model(arena, buffers));
    }

    private void read(String name, List<NamedTensor> targets) {
        requireSum(name, SafetensorsReader.open(folder.resolve(name)).readInto(targets));
    }

    /**
     * Writes the model as one safetensors file.
     *
     * @param output   must not exist; without it a file in the working folder, named after job and checkpoint
     * @param producer noted in it
     * @return the file
     */
    public Path exportModel(Optional<Path> output, String producer) {
        String name = state.parseJob(folder, List.of()).name();
        Path file = output.orElse(Path.of(name + "-" + folder.toAbsolutePath().normalize().getFileName() + ".safetensors"));
        Map<String, String> metadata = new TreeMap<>(Map.of("format", "pt", "producer", "lockstep " + producer, "name", name,
                "epoch", "" + state.epochsCompleted(), "step", "" + state.position().step()));
        try {
            Safetensors.write(file, SafetensorsReader.open(folder.resolve(MODEL)).tensors(), metadata);
            return file;
        } catch (FileAlreadyExistsException e) {
            throw new InvalidInputException("--output " + file + ": the file exists; name another or remove it");
        } catch (IOException e) {
            throw new InvalidInputException(file + " could not be written (" + IoMessages.of(e) + "); name another --output", e);
        }
    }
}
