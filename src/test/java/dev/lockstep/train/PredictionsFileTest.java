package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class PredictionsFileTest {
    @TempDir
    private Path folder;

    private static void write(Path file) {
        try (PredictionsFile predictions = new PredictionsFile(file)) {
            predictions.writeHeader("new");
            predictions.finish();
        }
    }

    private List<String> names() throws Exception {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void shouldKeepWhatWasThereUntilTheFileIsWhole() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "old\n");
        try (PredictionsFile predictions = new PredictionsFile(file)) {
            predictions.writeHeader("half");
        }
        assertEquals("old\n", Files.readString(file));
        write(file);
        assertEquals("new\n", Files.readString(file));
        assertEquals(List.of("file"), names());
    }

    @Test
    void shouldReplaceTheFileThatALinkLeadsTo() throws Exception {
        Path file = Files.writeString(Files.createDirectory(folder.resolve("other")).resolve("file"), "old\n");
        Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("other/file"));
        write(link);
        assertTrue(Files.isSymbolicLink(link));
        assertEquals("new\n", Files.readString(file));
    }

    @Test
    void shouldWriteTheFileThatALinkNamesAndThatIsNotThereYet() throws Exception {
        Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("file"));
        write(link);
        assertTrue(Files.isSymbolicLink(link));
        assertEquals("new\n", Files.readString(folder.resolve("file")));
    }

    @Test
    void shouldWriteIntoAPipe() throws Exception {
        Path pipe = folder.resolve("pipe");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).inheritIO().start().waitFor());
        CompletableFuture<Void> writing = CompletableFuture.runAsync(() -> write(pipe));
        CompletableFuture<String> reading = CompletableFuture.supplyAsync(() -> {
            try {
                return Files.readString(pipe);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        assertEquals("new\n", reading.get(30, TimeUnit.SECONDS));
        writing.get(30, TimeUnit.SECONDS);
        assertFalse(Files.isRegularFile(pipe));
        assertEquals(List.of("pipe"), names());
    }

    @Test
    void shouldRefuseALinkToItself() throws Exception {
        Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("link"));
        String message = assertThrows(InvalidInputException.class, () -> new PredictionsFile(link)).getMessage();
        assertTrue(message.startsWith("--predictions: " + link + " cannot be written ("), message);
    }
}
