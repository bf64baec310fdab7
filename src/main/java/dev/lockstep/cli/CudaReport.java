package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.cuda.CudaDeviceInfo;
import dev.lockstep.device.cuda.CudaDevices;
import dev.lockstep.device.cuda.CudaLibrary;
import dev.lockstep.device.cuda.CudaMemory;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What is known of CUDA on rank 0's machine. */
final class CudaReport {
    private CudaReport() {
    }

    static Map<String, Object> toMap(CudaDevices.Probe probe) {
        Map<String, Object> map = new LinkedHashMap<>();
        probe.versions().ifPresent(versions -> map.put("driver", versions.driver()));
        probe.problem().ifPresent(problem -> map.put("problem", problem));
        List<Map<String, Object>> libraries = new ArrayList<>();
        for (CudaLibrary library : probe.libraries()) {
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("name", library.soname());
            library.path().ifPresent(path -> entry.put("path", path.toString()));
            if (!library.version().isEmpty()) {
                entry.put("version", library.version());
            }
            if (!library.remedy().isEmpty()) {
                entry.put("missing", library.remedy());
            }
            libraries.add(entry);
        }
        map.put("libraries", libraries);
        map.put("gpus", probe.devices().stream().map(gpu -> Environment.ordered("ordinal", gpu.ordinal(), "name", gpu.name(),
                "uuid", gpu.uuid(), "pci_bus_id", gpu.pciBusId(), "numa_node", gpu.numaNode(), "compute_capability",
                gpu.computeCapability() / 10 + "." + gpu.computeCapability() % 10, "multiprocessors",
                gpu.multiprocessors())).toList());
        return map;
    }

    /** Opens each GPU for a moment, to ask for its memory. */
    static void print(CudaDevices.Probe probe, PrintWriter out) {
        for (CudaLibrary library : probe.libraries()) {
            out.println("cuda      " + library.path().map(path -> library.soname()
                    + (library.version().isEmpty() ? "" : " " + library.version()) + " in " + path.getParent())
                    .orElse(library.remedy()));
        }
        probe.versions().ifPresent(versions -> out.println("cuda      the driver runs CUDA up to " + versions.driver()));
        // A missing library is named above.
        probe.problem().filter(problem -> probe.libraries().stream().noneMatch(library -> library.remedy().equals(problem)))
                .ifPresent(problem -> out.println("cuda      " + problem));
        for (CudaDeviceInfo gpu : probe.devices()) {
            out.printf(Locale.ROOT, "gpu %-5d %s, %s, PCI %s, %s, compute capability %d.%d, %s%n", gpu.ordinal(), gpu.name(),
                    gpu.uuid(), gpu.pciBusId(), gpu.numaNode() < 0 ? "no NUMA node" : "NUMA node " + gpu.numaNode(),
                    gpu.computeCapability() / 10, gpu.computeCapability() % 10, memory(gpu));
        }
    }

    private static String memory(CudaDeviceInfo gpu) {
        try {
            CudaMemory memory = CudaDevices.memory(gpu.ordinal());
            double gibibyte = 1L << 30;
            return String.format(Locale.ROOT, "%.2f of %.2f GiB free", memory.freeBytes() / gibibyte,
                    memory.totalBytes() / gibibyte);
        } catch (InvalidInputException e) {
            return e.getMessage();
        }
    }
}
