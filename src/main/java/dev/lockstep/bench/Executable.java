package dev.lockstep.bench;

import dev.lockstep.InvalidInputException;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Programs by their names. */
public final class Executable {
    private Executable() {
    }

    /**
     * The first program of that name, as a shell finds it.
     *
     * @param searchPath folders, with {@code :} between them
     * @throws InvalidInputException if there is none
     */
    public static Path find(String name, String searchPath) {
        return Stream.of(searchPath.split(File.pathSeparator)).filter(folder -> !folder.isEmpty())
                .map(folder -> Path.of(folder, name)).filter(file -> Files.isRegularFile(file) && Files.isExecutable(file))
                .findFirst().orElseThrow(() -> new InvalidInputException("there is no " + name + " in PATH, which starts the"
                        + " ranks; add its folder to PATH, or choose another 'launcher'"));
    }
}
