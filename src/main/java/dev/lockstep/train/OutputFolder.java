package dev.lockstep.train;

import dev.lockstep.InvalidInputException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** New folders for results. */
public final class OutputFolder {
    private static final int LARGEST_SUFFIX = 100_000;

    private OutputFolder() {
    }

    /**
     * The folder that the user named, made where it does not exist.
     *
     * @throws InvalidInputException if it cannot be written, or is not empty
     */
    public static Path named(Path folder) {
        try {
            Files.createDirectories(folder);
            if (!isEmpty(folder)) {
                throw notEmpty(folder);
            }
            return folder;
        } catch (IOException e) {
            throw unwritable(folder, e);
        }
    }

    /**
     * {@code parent/NAME}, or where that is taken {@code parent/NAME-2} and so on. Creating the folder claims it, also
     * against another process that starts at the same time.
     *
     * @throws InvalidInputException if none can be made
     */
    public static Path fresh(Path parent, String name) {
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

    static boolean isEmpty(Path folder) throws IOException {
        try (Stream<Path> content = Files.list(folder)) {
            return content.findAny().isEmpty();
        }
    }

    static InvalidInputException notEmpty(Path folder) {
        return new InvalidInputException("--output " + folder
                + ": the folder is not empty; name another or remove it");
    }

    static InvalidInputException unwritable(Path folder, IOException e) {
        return new InvalidInputException("the output folder " + folder + " cannot be written ("
                + IoMessages.of(e) + "); name another with --output", e);
    }
}
