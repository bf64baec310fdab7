package dev.lockstep.cli;

import java.util.Collection;
import java.util.SortedSet;
import java.util.StringJoiner;
import java.util.TreeSet;

/** Sets of CPU numbers in the kernel's notation: {@code "0-3,8"}. */
final class CpuSet {
    private CpuSet() {
    }

    /** @throws IllegalArgumentException if {@code list} is not in that notation */
    static SortedSet<Integer> parse(String list) {
        SortedSet<Integer> cpus = new TreeSet<>();
        for (String range : list.strip().split(",")) {
            if (range.isBlank()) {
                continue;
            }
            String[] ends = range.strip().split("-", 2);
            int first = Integer.parseInt(ends[0]);
            int last = ends.length == 1 ? first : Integer.parseInt(ends[1]);
            for (int cpu = first; cpu <= last; cpu++) {
                cpus.add(cpu);
            }
        }
        return cpus;
    }

    static String format(Collection<Integer> cpus) {
        StringJoiner ranges = new StringJoiner(",");
        TreeSet<Integer> rest = new TreeSet<>(cpus);
        while (!rest.isEmpty()) {
            int first = rest.pollFirst();
            int last = first;
            while (rest.remove(last + 1)) {
                last++;
            }
            ranges.add(first == last ? "" + first : first + "-" + last);
        }
        return ranges.toString();
    }
}
