package dev.lockstep.cli;

import java.nio.file.Path;
import java.util.Optional;

/** Memory that this machine, or the control group that this process is in, can still give. Linux. */
final class AvailableMemory {
    private AvailableMemory() {
    }

    /**
     * Bytes; as large as can be where the kernel does not tell.
     *
     * @param root where {@code proc} and {@code sys} are mounted
     */
    static long bytes(Path root) {
        long machine = Machine.field(Machine.lines(root.resolve("proc/meminfo")), "MemAvailable")
                .map(text -> Long.parseLong(text.replaceAll("[^0-9]", "")) * 1024).orElse(Long.MAX_VALUE);
        return Math.min(machine, controlGroup(root));
    }

    /** What the limits of the control group and of those around it leave. */
    private static long controlGroup(Path root) {
        String group = Machine.lines(root.resolve("proc/self/cgroup")).stream().filter(line -> line.startsWith("0::/"))
                .map(line -> line.substring("0::/".length())).findFirst().orElse("");
        Path mount = root.resolve("sys/fs/cgroup");
        long available = Long.MAX_VALUE;
        for (Path folder = mount.resolve(group); folder.startsWith(mount); folder = folder.getParent()) {
            Optional<Long> limit = number(folder.resolve("memory.max"));
            if (limit.isPresent()) {
                long used = number(folder.resolve("memory.current")).orElse(0L);
                // Pages of files are given back when memory is short.
                long files = Machine.lines(folder.resolve("memory.stat")).stream()
                        .filter(line -> line.startsWith("inactive_file ")).findFirst()
                        .map(line -> Long.parseLong(line.substring("inactive_file ".length()).strip())).orElse(0L);
                available = Math.min(available, Math.max(0, limit.get() - used + files));
            }
        }
        return available;
    }

    /** Empty where there is no such file, or no limit in it ("max"). */
    private static Optional<Long> number(Path file) {
        return Machine.firstLine(file).filter(text -> text.matches("[0-9]{1,18}")).map(Long::parseLong);
    }
}
