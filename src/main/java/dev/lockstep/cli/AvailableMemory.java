package dev.lockstep.cli;

import java.nio.file.Path;
import java.util.List;
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

    /** Where a version of control groups keeps what about memory. */
    private record Accounting(String mount, String limit, String used, String reclaimable) {
        static final Accounting V1 = new Accounting("sys/fs/cgroup/memory", "memory.limit_in_bytes",
                "memory.usage_in_bytes", "total_inactive_file ");
        static final Accounting V2 = new Accounting("sys/fs/cgroup", "memory.max", "memory.current",
                "inactive_file ");
    }

    private static long controlGroup(Path root) {
        long available = Long.MAX_VALUE;
        for (String line : Machine.lines(root.resolve("proc/self/cgroup"))) {
            // "0::/path", and in version 1 "9:memory:/path"
            String[] parts = line.split(":", 3);
            if (parts.length == 3 && parts[2].startsWith("/")) {
                String group = parts[2].substring(1);
                if (parts[1].isEmpty()) {
                    available = Math.min(available, available(root, Accounting.V2, group));
                } else if (List.of(parts[1].split(",")).contains("memory")) {
                    available = Math.min(available, available(root, Accounting.V1, group));
                }
            }
        }
        return available;
    }

    /** What the limits of a control group and of those around it leave. */
    private static long available(Path root, Accounting accounting, String group) {
        Path mount = root.resolve(accounting.mount());
        long available = Long.MAX_VALUE;
        for (Path folder = mount.resolve(group); folder.startsWith(mount); folder = folder.getParent()) {
            Optional<Long> limit = number(folder.resolve(accounting.limit()));
            if (limit.isPresent()) {
                long used = number(folder.resolve(accounting.used())).orElse(0L);
                // Pages of files are given back when memory is short.
                long files = Machine.lines(folder.resolve("memory.stat")).stream()
                        .filter(line -> line.startsWith(accounting.reclaimable())).findFirst()
                        .map(line -> Long.parseLong(line.substring(accounting.reclaimable().length()).strip()))
                        .orElse(0L);
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
