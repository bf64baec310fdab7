package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AvailableMemoryTest {
    private static final long GIBIBYTE = 1L << 30;

    @TempDir
    private Path root;

    @Test
    void shouldReadWhatTheMachineHas() throws Exception {
        write("proc/meminfo", "MemTotal:       24659876 kB\nMemFree:         1000 kB\nMemAvailable:    8388608 kB\n");
        assertEquals(8 * GIBIBYTE, AvailableMemory.bytes(root));
    }

    @Test
    void shouldRefuseNothingWhereTheKernelDoesNotTell() {
        assertEquals(Long.MAX_VALUE, AvailableMemory.bytes(root));
    }

    @Test
    void shouldTakeTheTightestLimitOfTheControlGroups() throws Exception {
        write("proc/meminfo", "MemAvailable:    8388608 kB\n");
        write("proc/self/cgroup", "0::/slurm/job_7/step_0\n");
        limit("slurm", "max", 5 * GIBIBYTE, 0);
        assertEquals(8 * GIBIBYTE, AvailableMemory.bytes(root));
        limit("slurm/job_7", 4 * GIBIBYTE + "", 3 * GIBIBYTE, 0);
        limit("slurm/job_7/step_0", "max", GIBIBYTE, 0);
        assertEquals(GIBIBYTE, AvailableMemory.bytes(root));
        limit("slurm/job_7", 4 * GIBIBYTE + "", 3 * GIBIBYTE, 2 * GIBIBYTE);
        assertEquals(3 * GIBIBYTE, AvailableMemory.bytes(root));
        limit("slurm/job_7", GIBIBYTE + "", 3 * GIBIBYTE, 0);
        assertEquals(0, AvailableMemory.bytes(root));
    }

    /** In a container the group that the process is in is the root. */
    @Test
    void shouldReadTheLimitOfAContainer() throws Exception {
        write("proc/self/cgroup", "0::/\n");
        limit("", 2 * GIBIBYTE + "", GIBIBYTE, 0);
        assertEquals(GIBIBYTE, AvailableMemory.bytes(root));
    }

    @Test
    void shouldReadTheLimitsOfControlGroupsOfTheFirstVersion() throws Exception {
        write("proc/self/cgroup", "3:cpu,cpuacct:/slurm/job_7\n9:memory:/slurm/job_7\n0::/\n");
        String folder = "sys/fs/cgroup/memory/slurm/job_7/";
        write(folder + "memory.limit_in_bytes", 4 * GIBIBYTE + "\n");
        write(folder + "memory.usage_in_bytes", 3 * GIBIBYTE + "\n");
        write(folder + "memory.stat", "inactive_file 1\ntotal_inactive_file " + GIBIBYTE + "\n");
        assertEquals(2 * GIBIBYTE, AvailableMemory.bytes(root));
    }

    private void limit(String group, String max, long current, long inactiveFile) throws IOException {
        String folder = "sys/fs/cgroup/" + group + "/";
        write(folder + "memory.max", max + "\n");
        write(folder + "memory.current", current + "\n");
        write(folder + "memory.stat", "anon 4096\ninactive_file " + inactiveFile + "\nactive_file 7\n");
    }

    private void write(String file, String content) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, content);
    }
}
