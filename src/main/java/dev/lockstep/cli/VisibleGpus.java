package dev.lockstep.cli;

import dev.lockstep.comm.Communicator;
import dev.lockstep.device.cuda.CudaDeviceInfo;
import dev.lockstep.device.cuda.CudaDevices;
import java.nio.file.Path;
import java.util.List;

/**
 * The GPUs that a rank may use.
 *
 * @param problem  why it can use none, and what to do about it; empty if it can
 * @param gpus     by CUDA's ordinal in that rank's process
 * @param nearCpus of each, the hardware threads beside it, as {@code "0-31"}; empty where that is not known
 */
record VisibleGpus(String problem, List<CudaDeviceInfo> gpus, List<String> nearCpus) {
    /** Of this process. */
    static VisibleGpus detect(Path root) {
        CudaDevices.Probe probe = CudaDevices.probe();
        return new VisibleGpus(probe.problem().orElse(""), probe.devices(), probe.devices().stream()
                .map(gpu -> Machine.firstLine(root.resolve("sys/devices/system/node/node" + gpu.numaNode() + "/cpulist"))
                        .orElse(""))
                .toList());
    }

    /** Collective: those of all ranks, by rank. */
    List<VisibleGpus> gather(Communicator communicator) {
        return Agreement.gather(communicator, this);
    }
}
