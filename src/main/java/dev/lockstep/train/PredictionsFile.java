package dev.lockstep.train;

import dev.lockstep.InvalidInputException;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/**
 * A CSV file that appears under its name once it is whole; where a link leads to a file, that file is replaced. What is
 * there and is no file, as a pipe or a device, is written to as it is. Of rank 0.
 */
public final class PredictionsFile implements AutoCloseable {
    private static final int BUFFER_BYTES = 1 << 20;

    private final Path file;
    /** Where links lead. */
    private final Path target;
    /** Beside the target, or the target itself where that is no file to be replaced. */
    private final Path written;
    private final OutputStream out;

    /**
     * What is there under that name stays until the new file is whole.
     *
     * @throws InvalidInputException if it cannot be written
     */
    public PredictionsFile(Path file) {
        this.file = file;
        if (Files.isDirectory(file)) {
            throw new InvalidInputException("--predictions: " + file + " is a folder; name a file");
        }
        try {
            target = Files.isRegularFile(file) ? file.toRealPath() : file;
            boolean asItIs = Files.exists(file, LinkOption.NOFOLLOW_LINKS) && !Files.isRegularFile(file);
            written = asItIs ? target : target.resolveSibling("." + target.getFileName() + ".writing");
            out = new BufferedOutputStream(Files.newOutputStream(written), BUFFER_BYTES);
        } catch (IOException e) {
            throw new InvalidInputException("--predictions: " + file + " cannot be written (" + IoMessages.of(e)
                    + "); name a file in a folder that exists and may be written");
        }
    }

    void writeHeader(String header) {
        write(() -> out.write((header + "\n").getBytes(StandardCharsets.US_ASCII)));
    }

    /** Of each rank some lines, which it has from the data set in turn with the others. */
    void writeInTurn(List<byte[]> ranks) {
        int[] position = new int[ranks.size()];
        write(() -> {
            for (boolean more = true; more;) {
                more = false;
                for (int rank = 0; rank < position.length; rank++) {
                    byte[] lines = ranks.get(rank);
                    int from = position[rank];
                    int end = from;
                    while (end < lines.length && lines[end++] != '\n') {
                        // To the end of the line.
                    }
                    out.write(lines, from, end - from);
                    position[rank] = end;
                    more |= end < lines.length;
                }
            }
        });
    }

    /** Gives the file its name. */
    public void finish() {
        write(() -> {
            out.close();
            if (!written.equals(target)) {
                Files.move(written, target, StandardCopyOption.ATOMIC_MOVE);
            }
        });
    }

    /** Removes what is not whole. */
    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException e) {
            // Nobody misses what could not be written here: the file is not whole, as has been said.
        }
        if (!written.equals(target)) {
            try {
                Files.deleteIfExists(written);
            } catch (IOException e) {
                System.err.println("lockstep: " + written + " cannot be deleted (" + IoMessages.of(e) + "); delete it");
            }
        }
    }

    @FunctionalInterface
    private interface Step {
        void run() throws IOException;
    }

    private void write(Step step) {
        try {
            step.run();
        } catch (IOException e) {
            throw new TrainingException(file + " could not be written (" + IoMessages.of(e)
                    + "); free space or mend the disk, then evaluate again", e);
        }
    }
}
