package dev.lockstep;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/** Folders that this user alone can write to: what lies there is this user's own, also in a /tmp that all users share. */
public final class PrivateFolder {
    private static final FileAttribute<Set<PosixFilePermission>> OWN_ONLY =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

    private PrivateFolder() {
    }

    /** This user's, among the machine's temporary files. It may not be there yet, or be somebody else's. */
    public static Path temporary() {
        return Path.of(System.getProperty("java.io.tmpdir"), "lockstep-" + System.getProperty("user.name"));
    }

    /**
     * Makes the folder and those above it, as far as they are missing, for this user alone.
     *
     * @throws IOException if it cannot be made, or if another user can write to it
     */
    public static void create(Path folder) throws IOException {
        Files.createDirectories(folder, OWN_ONLY);
        if (!isPrivate(folder)) {
            throw new IOException(folder + " belongs to another user, or others may write to it");
        }
    }

    /** Whether it is a folder, not a link to one, that this user owns, and that no other may write to. */
    public static boolean isPrivate(Path folder) {
        try {
            Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(folder, LinkOption.NOFOLLOW_LINKS);
            return Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)
                    && !permissions.contains(PosixFilePermission.GROUP_WRITE)
                    && !permissions.contains(PosixFilePermission.OTHERS_WRITE)
                    && Files.getAttribute(folder, "unix:uid", LinkOption.NOFOLLOW_LINKS)
                            .equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
        } catch (IOException | UnsupportedOperationException e) {
            return false;
        }
    }
}
