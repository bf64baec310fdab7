package dev.lockstep.train;

import dev.lockstep.InvalidInputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The folder that a run's checkpoints lie in: {@code epoch-0005}, {@code step-00001234}. */
final class CheckpointFolder {
    private static final Pattern NAME = Pattern.compile("(epoch|step)-[0-9]+");

    /**
     * What lies in it.
     *
     * @param oldestFirst those whose state can be read, by their steps; their other files have not been looked at
     * @param damaged     the others, with what is wrong
     */
    record Content(List<Path> oldestFirst, List<InvalidInputException> damaged, List<Path> damagedFolders) {
    }

    private CheckpointFolder() {
    }

    static String epochName(int epoch) {
        return String.format(Locale.ROOT, "epoch-%04d", epoch);
    }

    static String stepName(long step) {
        return String.format(Locale.ROOT, "step-%08d", step);
    }

    /** @throws InvalidInputException if the folder is there and cannot be listed, or another version has written to it */
    static Content list(Path folder) {
        record Readable(Path path, Position position) {
        }

        List<Readable> readable = new ArrayList<>();
        List<InvalidInputException> damaged = new ArrayList<>();
        List<Path> damagedFolders = new ArrayList<>();
        for (Path path : folders(folder)) {
            Checkpoint.requireKnownFormat(path);
            try {
                readable.add(new Readable(path, Checkpoint.state(path).position()));
            } catch (InvalidInputException e) {
                damaged.add(e);
                damagedFolders.add(path);
            }
        }
        // That of an epoch's end follows that of its last step.
        readable.sort(Comparator.comparingLong((Readable one) -> one.position.step())
                .thenComparingInt(one -> one.position.epoch()));
        return new Content(readable.stream().map(Readable::path).toList(), damaged, damagedFolders);
    }

    /** Whether a checkpoint could have this name. */
    static boolean isName(String name) {
        return NAME.matcher(name).matches();
    }

    private static List<Path> folders(Path folder) {
        if (Files.notExists(folder)) {
            return List.of();
        }
        try (Stream<Path> paths = Files.list(folder)) {
            return paths.filter(path -> NAME.matcher(path.getFileName().toString()).matches()).sorted().toList();
        } catch (IOException e) {
            throw new InvalidInputException("the checkpoints in " + folder + " cannot be listed (" + IoMessages.of(e) + ")", e);
        }
    }

    /**
     * The newest checkpoint that is whole, every byte of it as it was written.
     *
     * @param warnings gets a line for each that is damaged, of those that are newer or whose age is not known
     */
    static Optional<Checkpoint> newestWhole(Path folder, List<String> warnings) {
        return newest(folder, warnings, Checkpoint::openWhole);
    }

    /** As above, of those that {@code open} does not refuse. */
    static Optional<Checkpoint> newest(Path folder, List<String> warnings, Function<Path, Checkpoint> open) {
        Content content = list(folder);
        content.damaged.forEach(e -> warnings.add(e.getMessage() + "; it is left out"));
        for (int i = content.oldestFirst.size() - 1; i >= 0; i--) {
            try {
                return Optional.of(open.apply(content.oldestFirst.get(i)));
            } catch (InvalidInputException e) {
                warnings.add(e.getMessage() + "; the one before is taken");
            }
        }
        return Optional.empty();
    }
}
