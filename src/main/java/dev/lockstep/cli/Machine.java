package dev.lockstep.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * The machine and what of it this process may use, as the kernel tells.
 *
 * @param bootId          the same for all processes of one running kernel, containers among them, and for no others
 * @param cpuModel        {@code "AMD EPYC 9654 96-Core Processor"}
 * @param instructionSets those that matter to matrix products, by the kernel's names: {@code [avx2, avx512f]}
 * @param onlineCpus      hardware threads of the machine
 * @param onlineCores     their cores
 * @param cpus            the hardware threads that this process may run on
 * @param cores           the cores of {@code cpus}, each named by its first hardware thread
 */
record Machine(String bootId, String cpuModel, List<String> instructionSets, int onlineCpus, int onlineCores,
        SortedSet<Integer> cpus, SortedSet<Integer> cores) {
    private static final List<String> INSTRUCTION_SETS = List.of("sse4_2", "fma", "avx", "avx2", "avx512f", "avx512bw",
            "avx512vl", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8");

    /** @param root where {@code proc} and {@code sys} are mounted */
    static Machine detect(Path root) {
        List<String> cpuInfo = lines(root.resolve("proc/cpuinfo"));
        List<String> flags = field(cpuInfo, "flags").map(text -> Arrays.asList(text.split(" "))).orElse(List.of());
        Path cpuFolder = root.resolve("sys/devices/system/cpu");
        int availableCpus = Runtime.getRuntime().availableProcessors();
        SortedSet<Integer> online = CpuSet.parse(
                firstLine(cpuFolder.resolve("online")).orElse("0-" + (availableCpus - 1)));
        SortedSet<Integer> cpus = field(lines(root.resolve("proc/self/status")), "Cpus_allowed_list")
                .map(CpuSet::parse).orElse(online);
        return new Machine(firstLine(root.resolve("proc/sys/kernel/random/boot_id")).orElse(""),
                field(cpuInfo, "model name").orElse("unknown CPU"),
                INSTRUCTION_SETS.stream().filter(flags::contains).toList(), online.size(),
                cores(cpuFolder, online).size(), cpus, cores(cpuFolder, cpus));
    }

    private static SortedSet<Integer> cores(Path cpuFolder, SortedSet<Integer> cpus) {
        SortedSet<Integer> cores = new TreeSet<>();
        for (int cpu : cpus) {
            cores.add(firstLine(cpuFolder.resolve("cpu" + cpu + "/topology/thread_siblings_list"))
                    .map(siblings -> CpuSet.parse(siblings).first()).orElse(cpu));
        }
        return cores;
    }

    static String hostName() {
        return firstLine(Path.of("/proc/sys/kernel/hostname")).orElse("unknown host");
    }

    /** The value of the first line {@code name: value}. */
    static Optional<String> field(List<String> lines, String name) {
        return lines.stream().map(line -> line.split(":", 2))
                .filter(parts -> parts.length == 2 && parts[0].strip().equals(name))
                .map(parts -> parts[1].strip()).findFirst();
    }

    static Optional<String> firstLine(Path file) {
        return lines(file).stream().findFirst().map(String::strip);
    }

    /** None where the file cannot be read: this is for reports, which say what they can. */
    static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            return List.of();
        }
    }
}
