package dev.lockstep.cli;

import dev.lockstep.comm.Communicator;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.cuda.CudaDevice;
import dev.lockstep.device.cuda.CudaDeviceInfo;
import dev.lockstep.device.cuda.CudaDevices;
import dev.lockstep.device.cuda.MatmulPrecision;
import dev.lockstep.job.Job;
import dev.lockstep.train.MemoryBudget;
import java.nio.file.Path;
import java.util.Optional;

/** The device of this rank, before and as it is opened. */
final class RankDevice {
    private final Communicator communicator;
    private final Devices devices;
    private final int threads;
    private final boolean coreToSpare;

    RankDevice(Environment environment, Communicator communicator) {
        this.communicator = communicator;
        devices = environment.devices();
        threads = environment.threads().get(communicator.rank()).count();
        coreToSpare = Threads.coresOf(communicator.rank(), environment.placements()) > threads;
    }

    /** The memory that this rank's arrays can have, while no rank has taken any. Collective. */
    MemoryBudget budget() {
        MemoryBudget host = MemoryBudget.ofHost(communicator.localSize(), AvailableMemory.bytes(Path.of("/")));
        if (!devices.isCuda()) {
            return host;
        }
        int rank = communicator.rank();
        CudaDeviceInfo gpu = devices.gpus().get(rank);
        // The first call opens the GPU, which takes some memory; the second counts what all ranks have left.
        Agreement.onAllRanks(communicator, () -> CudaDevices.memory(gpu.ordinal()));
        long free = Agreement.onAllRanks(communicator, () -> CudaDevices.memory(gpu.ordinal())).freeBytes();
        return new MemoryBudget(host.ranksHere(), host.hostBytes(), Optional.of(
                new MemoryBudget.Gpu(gpu.label(), devices.sharers().get(rank), free, CudaDevice.WORKSPACE_BYTES)));
    }

    /** Collective. A rank with a GPU keeps to the CPUs beside it from then on, as far as it may choose. */
    Device open(Job job) {
        communicator.setCoreShared(!devices.isCuda() && !coreToSpare);
        if (devices.isCuda() && !devices.keepTo().get(communicator.rank()).isEmpty()) {
            Affinity.move(ProcessHandle.current().pid(), devices.keepTo().get(communicator.rank()));
        }
        return devices.isCuda() ? Agreement.onAllRanks(communicator,
                () -> CudaDevices.open(devices.gpus().get(communicator.rank()).ordinal(),
                        MatmulPrecision.valueOf(job.precision().name())))
                : new CpuDevice(threads);
    }
}
