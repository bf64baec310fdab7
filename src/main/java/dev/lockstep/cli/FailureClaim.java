package dev.lockstep.cli;

import dev.lockstep.PrivateFolder;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;

/** A file that the first process of a job on a machine makes, and by that has the right to tell of the job's failure. */
final class FailureClaim {
    /** Processes of one job start and fail within this. */
    private static final Duration ONE_JOB = Duration.ofMinutes(2);

    private FailureClaim() {}

    /**
     * Whether this process is the first. A file that an earlier job has left does not count: numbers of jobs and of
     * processes come again.
     *
     * @param started when this process started
     */
    static boolean take(Path file, Instant started) {
        try {
            PrivateFolder.create(file.getParent());
            if (Files.exists(file) && Files.getLastModifiedTime(file).toInstant().isBefore(started.minus(ONE_JOB))) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            // Better twice than never.
            return true;
        }
        try {
            Files.createFile(file);
            return true;
        } catch (FileAlreadyExistsException e) {
            return false;
        } catch (IOException e) {
            return true;
        }
    }
}
