package dev.lockstep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class BackgroundThreadTest {
    private static final long LIMIT_MILLIS = 10_000;

    @Test
    void shouldHaveTheLowestPriorityAndLeaveTheOthersTheirs() throws Exception {
        long before = nice();
        AtomicReference<Object> background = new AtomicReference<>();
        Thread thread = BackgroundThread.of("writes", () -> {
            try {
                background.set(nice());
            } catch (IOException e) {
                background.set(e);
            }
        });
        thread.start();
        thread.join(LIMIT_MILLIS);

        assertFalse(thread.isAlive(), "the thread 'writes' has not ended after 10 s");
        assertTrue(thread.isDaemon());
        assertEquals("writes", thread.getName());
        assertEquals(19L, background.get());
        assertEquals(before, nice());
    }

    @Test
    void shouldRunWhatItIsGivenOnce() throws Exception {
        AtomicReference<Integer> runs = new AtomicReference<>();
        Thread thread = BackgroundThread.of("counts", () -> runs.updateAndGet(count -> count == null ? 1 : count + 1));
        assertNull(runs.get());
        thread.start();
        thread.join(LIMIT_MILLIS);
        assertEquals(1, runs.get());
    }

    /** Of the calling thread: the 19th field; the second, a name in brackets, may hold spaces. */
    private static long nice() throws IOException {
        String stat = Files.readString(Path.of("/proc/thread-self/stat"));
        return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[16]);
    }
}
