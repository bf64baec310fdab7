package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineTest {
    @TempDir
    private Path root;

    @Test
    void shouldCountTheHardwareThreadsOfACoreOnce() throws IOException {
        write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 fma avx512f\n");
        write("proc/self/status", "Name:\tjava\nCpus_allowed_list:\t1-2,5-6\n");
        write("proc/sys/kernel/random/boot_id", "one-boot\n");
        write("sys/devices/system/cpu/online", "0-7\n");
        for (int cpu = 0; cpu < 8; cpu++) {
            write("sys/devices/system/cpu/cpu" + cpu + "/topology/thread_siblings_list",
                    cpu % 4 + "," + (cpu % 4 + 4) + "\n");
        }

        Machine machine = Machine.detect(root);

        assertEquals("Some CPU", machine.cpuModel());
        assertEquals(List.of("fma", "avx2", "avx512f"), machine.instructionSets());
        assertEquals("one-boot", machine.bootId());
        assertEquals(8, machine.onlineCpus());
        assertEquals(4, machine.onlineCores());
        assertEquals(Set.of(1, 2, 5, 6), machine.cpus());
        assertEquals(Set.of(1, 2), machine.cores());
    }

    @Test
    void shouldTakeTheJvmsWordWhereTheKernelTellsNothing() {
        Machine machine = Machine.detect(root);

        assertEquals(Runtime.getRuntime().availableProcessors(), machine.cores().size());
        assertEquals("unknown CPU", machine.cpuModel());
        assertFalse(machine.cpus().isEmpty());
    }

    private void write(String file, String content) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, content);
    }
}
