package dev.lockstep.train;

import dev.lockstep.BackgroundThread;
import dev.lockstep.data.CsvEncoding;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/**
 * Writes checkpoints on rank 0, beside the steps that follow: {@code model.safetensors} with PyTorch's names and shapes,
 * {@code optimizer.safetensors}, {@code state.json}. The training thread copies the state to memory that is allocated
 * once; a thread of this class's own writes it from there, one checkpoint after the other. A checkpoint appears under its
 * name only when it is whole: it is written under another name, synced and renamed. Keeps the newest ones, and the one that
 * was validated best, which {@code best} is a link to.
 *
 * <p>All methods are the training thread's.
 */
public final class CheckpointWriter {
    /** The link. */
    static final String BEST = "best";
    private static final String TEMPORARY_PREFIX = ".writing-";
    private static final String REMOVED_PREFIX = ".removing-";
    private static final Map<String, String> METADATA = Map.of("format", "pt");

    private final Path folder;
    private final int keep;
    private final List<NamedTensor> model;
    private final List<NamedTensor> optimizerState;
    private final Optional<CsvEncoding> encoding;
    /** By the arena that they are copies of. Filled by the training thread while nothing is being written. */
    private final Map<DeviceBuffer, HostCopy> copies = new IdentityHashMap<>();
    private final ExecutorService thread =
            Executors.newSingleThreadExecutor(body -> BackgroundThread.of("lockstep-checkpoint", body));
    /** What is being written, or has been and was not yet asked for; else null. */
    private Future<Path> writing;
    /** Oldest first; touched by the writing thread alone. Null until it has looked what a run before has left. */
    private Deque<Path> written;

    /**
     * @param folder of all checkpoints; made when the first is written
     * @param keep   checkpoints to keep, at least 1
     * @param encoding of the training data, where that is of CSV files
     */
    public CheckpointWriter(Path folder, int keep, Replica replica, Optional<CsvEncoding> encoding) {
        this.encoding = encoding;
        this.folder = folder;
        this.keep = Math.max(1, keep);
        Device device = replica.device();
        model = NamedTensor.model(replica.parameters(), replica.buffers());
        optimizerState = NamedTensor.optimizerState(replica.parameters(), replica.optimizer());
        model.forEach(tensor -> copies.computeIfAbsent(tensor.arena(), values -> new HostCopy(device, values)));
        replica.optimizer().state().values().forEach(state -> copies.put(state, new HostCopy(device, state)));
    }

    /**
     * Copies the state as it is and begins to write it. Waits for the checkpoint before, which {@link #finished} must have
     * been asked for.
     *
     * @param state what state.json says, but for the files
     */
    public void begin(String name, CheckpointState state) {
        if (writing != null) {
            throw new IllegalStateException("checkpoint " + name + " begins before the last one's end was asked for");
        }
        copies.values().forEach(HostCopy::take);
        writing = thread.submit(() -> write(name, state));
    }

    /** Whether {@link #finished} has something to tell. Cheap enough for every step. */
    public boolean hasFinished() {
        return writing != null && writing.isDone();
    }

    /**
     * Waits for what is being written; the folder of what has been since this was last asked.
     *
     * @throws TrainingException if it could not be written, or the state was not finite; the checkpoints before it stand
     */
    public Optional<Path> finished() {
        if (writing == null) {
            return Optional.empty();
        }
        Future<Path> last = writing;
        writing = null;
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return Optional.of(last.get());
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    throw e.getCause() instanceof TrainingException known ? known
                            : new TrainingException("writing a checkpoint failed: " + e.getCause(), e.getCause());
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /**
     * Mends the link where a run goes on from a checkpoint that was written, but whose link was not; before the first
     * checkpoint is begun. Where it cannot be made, which a copied folder may forbid, it stays as it is.
     */
    void goOnFrom(Position start) {
        try {
            setBestLink(start.validation().bestCheckpoint());
        } catch (IOException e) {
            // Training needs no link; the next best checkpoint tells of it.
        }
    }

    /** On the writing thread, as all below. */
    private Path write(String name, CheckpointState state) {
        Path target = folder.resolve(name);
        Path temporary = folder.resolve(TEMPORARY_PREFIX + name);
        try {
            if (written == null) {
                Files.createDirectories(folder);
                written = leftBefore();
            }
            remove(temporary);
            Files.createDirectory(temporary);
            BytesSum modelSum = Safetensors.write(temporary.resolve(Checkpoint.MODEL), copied(model), METADATA);
            BytesSum optimizer = Safetensors.write(temporary.resolve(Checkpoint.OPTIMIZER), copied(optimizerState), METADATA);
            Map<String, BytesSum> sums = new TreeMap<>(Map.of(Checkpoint.MODEL, modelSum, Checkpoint.OPTIMIZER, optimizer));
            if (encoding.isPresent()) {
                Path file = temporary.resolve(Preprocessing.FILE);
                Files.write(file, Preprocessing.toBytes(encoding.get()), StandardOpenOption.CREATE_NEW);
                sync(file);
                sums.put(Preprocessing.FILE, BytesSum.of(file));
            }
            Path stateFile = temporary.resolve(Checkpoint.STATE);
            Files.write(stateFile, state.withFiles(sums).toBytes(), StandardOpenOption.CREATE_NEW);
            sync(stateFile);
            sync(temporary);
            moveAside(target);
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
            sync(folder);
        } catch (IOException e) {
            leaveNoRest(temporary);
            throw new TrainingException("checkpoint " + target + " could not be written (" + IoMessages.of(e)
                    + "); free space or choose another --output; earlier checkpoints stand", e);
        } catch (NotFiniteException e) {
            leaveNoRest(temporary);
            throw new TrainingException(e.getMessage() + " after step " + state.position().step()
                    + ": training has diverged; lower the learning rate", e);
        }
        written.remove(target);
        written.addLast(target);
        linkBest(state.position().validation().bestCheckpoint());
        removeOld();
        return target;
    }

    private void linkBest(String best) {
        try {
            setBestLink(best);
        } catch (IOException e) {
            throw new TrainingException("the link " + folder.resolve(BEST) + " to the best checkpoint could not be made ("
                    + IoMessages.of(e) + "); where there can be none, set validation.keep-best to false", e);
        }
    }

    /**
     * Nothing is missing at any moment: the link changes in one step, and only to what is whole.
     *
     * @param best name of the checkpoint; empty where none is kept
     */
    private void setBestLink(String best) throws IOException {
        Path link = folder.resolve(BEST);
        Path checkpoint = Path.of(best);
        boolean linked = Files.isSymbolicLink(link) && Files.readSymbolicLink(link).equals(checkpoint);
        if (best.isEmpty() || linked || !Files.exists(folder.resolve(checkpoint))) {
            return;
        }
        Path temporary = folder.resolve(TEMPORARY_PREFIX + BEST);
        Files.deleteIfExists(temporary);
        Files.createSymbolicLink(temporary, checkpoint);
        Files.move(temporary, link, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Removes old ones, but never what the link leads to, also where a better one was not to be kept. */
    private void removeOld() {
        List<Path> old = new ArrayList<>();
        while (written.size() > keep) {
            old.add(written.removeFirst());
        }
        for (Path oldest : old) {
            try {
                if (isLinked(oldest)) {
                    written.addFirst(oldest);
                } else {
                    moveAside(oldest);
                }
            } catch (IOException e) {
                throw new TrainingException("the old checkpoint " + oldest + " could not be removed ("
                        + IoMessages.of(e) + ")", e);
            }
        }
    }

    private boolean isLinked(Path checkpoint) throws IOException {
        Path link = folder.resolve(BEST);
        return Files.exists(link) && Files.exists(checkpoint) && Files.isSameFile(link, checkpoint);
    }

    /** Those of the run that this one goes on from, damaged ones first; what it was about is removed. */
    private Deque<Path> leftBefore() throws IOException {
        try (Stream<Path> paths = Files.list(folder)) {
            for (Path path : paths.toList()) {
                String name = path.getFileName().toString();
                if (name.startsWith(TEMPORARY_PREFIX) || name.startsWith(REMOVED_PREFIX)) {
                    remove(path);
                }
            }
        }
        CheckpointFolder.Content content = CheckpointFolder.list(folder);
        Deque<Path> left = new ArrayDeque<>(content.damagedFolders());
        left.addAll(content.oldestFirst());
        return left;
    }

    private List<Safetensors.Tensor> copied(List<NamedTensor> tensors) {
        List<Safetensors.Tensor> copied = new ArrayList<>();
        for (NamedTensor tensor : tensors) {
            List<ByteBuffer> values = copies.get(tensor.arena()).range(tensor.firstElement(), tensor.elementCount());
            copied.add(new Safetensors.Tensor(tensor.name(), Safetensors.typeName(tensor.type()), tensor.shape(),
                    tensor.elementCount() * tensor.type().bytes(),
                    values.stream().<Safetensors.Part>map(buffer -> () -> buffer).toList()));
        }
        return copied;
    }

    private static void sync(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    /** Removes a checkpoint; renamed first so that what is left of it, should this be cut short, does not pass for one. */
    private void moveAside(Path checkpoint) throws IOException {
        if (Files.exists(checkpoint)) {
            Path removed = folder.resolve(REMOVED_PREFIX + checkpoint.getFileName());
            remove(removed);
            Files.move(checkpoint, removed, StandardCopyOption.ATOMIC_MOVE);
            remove(removed);
        }
    }

    /** What could not be made whole takes space that the disk may lack. */
    private static void leaveNoRest(Path temporary) {
        try {
            remove(temporary);
        } catch (IOException e) {
            // It stays under its temporary name, which nothing reads.
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
