package dev.lockstep.train;

import dev.lockstep.BackgroundThread;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Has the disk write what a file has so far, while the rest is still being computed and copied: the disk would idle meanwhile,
 * and all of it would be waited for at the end.
 */
final class Writeback {
    private static final long LEAST_BYTES = 16 << 20;
    private static final ExecutorService THREAD =
            Executors.newSingleThreadExecutor(body -> BackgroundThread.of("lockstep-writeback", body));

    private final FileChannel channel;
    private CompletableFuture<Void> underWay = CompletableFuture.completedFuture(null);
    private long newBytes;

    Writeback(FileChannel channel) {
        this.channel = channel;
    }

    /** As much again is in the file. */
    void wrote(int bytes) throws IOException {
        newBytes += bytes;
        if (newBytes >= LEAST_BYTES && underWay.isDone()) {
            await();
            newBytes = 0;
            underWay = CompletableFuture.runAsync(this::force, THREAD);
        }
    }

    private void force() {
        try {
            channel.force(false);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns when all is on the disk. */
    void finish() throws IOException {
        await();
        channel.force(true);
    }

    /** The system tells of a failure only once. */
    private void await() throws IOException {
        try {
            underWay.join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof UncheckedIOException failed ? failed.getCause() : new IOException(e.getCause());
        }
    }
}
