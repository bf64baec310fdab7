package dev.lockstep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PrivateFolderTest {
    @TempDir
    private Path folder;

    @Test
    void shouldBeMadeForTheUserAlone() throws IOException {
        Path made = folder.resolve("a/b");
        assertFalse(PrivateFolder.isPrivate(made));
        PrivateFolder.create(made);
        PrivateFolder.create(made);
        assertTrue(PrivateFolder.isPrivate(made));
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(made)));
        assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("a"))));
    }

    @Test
    void shouldNotBeOneThatOthersMayWriteTo() throws IOException {
        Path open = Files.createDirectory(folder.resolve("open"));
        for (String permissions : new String[] {"rwx-w----", "rwx----w-", "rwxrwxrwx"}) {
            Files.setPosixFilePermissions(open, PosixFilePermissions.fromString(permissions));
            assertFalse(PrivateFolder.isPrivate(open), permissions);
            assertThrows(IOException.class, () -> PrivateFolder.create(open), permissions);
        }
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxr-xr-x"));
        assertTrue(PrivateFolder.isPrivate(open));
    }

    @Test
    void shouldNotBeAFileOrALink() throws IOException {
        Path own = Files.createDirectory(folder.resolve("own"));
        assertFalse(PrivateFolder.isPrivate(Files.createSymbolicLink(folder.resolve("link"), own)));
        assertFalse(PrivateFolder.isPrivate(Files.createFile(folder.resolve("file"))));
    }

    @Test
    void shouldNotBeAnotherUsers() throws IOException {
        Path other = Files.createDirectory(folder.resolve("other"));
        assumeTrue((int) Files.getAttribute(other, "unix:uid") == 0, "only root can give a folder away");
        Files.setAttribute(other, "unix:uid", 12345);
        assertFalse(PrivateFolder.isPrivate(other));
    }
}
