package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.cuda.CudaDeviceInfo;
import dev.lockstep.job.DeviceChoice;
import dev.lockstep.job.Precision;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SortedSet;

/**
 * The device that each rank computes on.
 *
 * @param name    {@code "cpu"} or {@code "cuda"}, the same for all ranks
 * @param reason  why that one
 * @param gpus    of each rank, if it is cuda
 * @param sharers how many ranks use the rank's GPU, itself among them
 * @param keepTo  of each rank, if it is cuda, the hardware threads to keep to, which are beside its GPU; empty where all
 *                or none of those that it may run on are, or where that is not known
 * @param notes   what a user should know about it, a line each
 */
record Devices(String name, String reason, List<CudaDeviceInfo> gpus, List<Integer> sharers, List<String> keepTo,
        List<String> notes) {
    static Devices cpu(String reason) {
        return new Devices("cpu", reason, List.of(), List.of(), List.of(), List.of());
    }

    /**
     * Chooses between CPU and GPU, which all ranks have in common, and a GPU for each rank. Where a launcher shows several
     * ranks the same GPUs, they take them in turn, by local rank; where it shows each its own, each takes its first.
     *
     * @param gpuSharing whether ranks may meet on one GPU
     * @param placements of all ranks, by rank
     * @param visible    of all ranks, by rank; not looked at for {@code CPU}
     * @throws InvalidInputException if that cannot be done as asked for
     */
    static Devices choose(DeviceChoice asked, boolean gpuSharing, Precision precision, List<Placement> placements,
            List<VisibleGpus> visible) {
        if (asked == DeviceChoice.CPU) {
            return cpu("device: cpu is set by the job");
        }
        Optional<String> problem = problem(placements, visible);
        if (problem.isPresent()) {
            if (asked == DeviceChoice.CUDA) {
                throw new InvalidInputException("device: cuda is asked for, but cannot be had: " + problem.get());
            }
            if (precision != Precision.FP32) {
                throw new InvalidInputException("precision: " + precision.name().toLowerCase(Locale.ROOT)
                        + " needs a GPU, and none can be had: " + problem.get() + "; or set precision to fp32");
            }
            return cpu(problem.get());
        }
        List<CudaDeviceInfo> gpus = new ArrayList<>();
        for (int rank = 0; rank < placements.size(); rank++) {
            gpus.add(assign(rank, gpuSharing, placements, visible));
        }
        List<Integer> sharers = new ArrayList<>();
        for (int rank = 0; rank < gpus.size(); rank++) {
            sharers.add(countSharers(rank, gpuSharing, placements, gpus));
        }
        return new Devices("cuda", asked == DeviceChoice.CUDA ? "device: cuda is set by the job"
                : "a GPU is here" + (placements.size() == 1 ? "" : " for every rank"), List.copyOf(gpus),
                List.copyOf(sharers), keepTo(placements, visible, gpus), notes(placements, visible, gpus));
    }

    private static Optional<String> problem(List<Placement> placements, List<VisibleGpus> visible) {
        for (int rank = 0; rank < visible.size(); rank++) {
            String problem = visible.get(rank).problem();
            if (!problem.isEmpty()) {
                boolean ofAll = visible.stream().noneMatch(gpus -> gpus.problem().isEmpty());
                return Optional.of(problem + (ofAll ? ""
                        : " (found by rank " + rank + " on host " + placements.get(rank).host() + ")"));
            }
        }
        return Optional.empty();
    }

    private static CudaDeviceInfo assign(int rank, boolean gpuSharing, List<Placement> placements,
            List<VisibleGpus> visible) {
        Placement self = placements.get(rank);
        List<String> uuids = uuids(visible.get(rank));
        int before = 0;
        int all = 0;
        for (int other = 0; other < placements.size(); other++) {
            Placement placement = placements.get(other);
            if (placement.bootId().equals(self.bootId()) && uuids(visible.get(other)).equals(uuids)) {
                all++;
                before += placement.localRank() < self.localRank() ? 1 : 0;
            }
        }
        if (all > uuids.size() && !gpuSharing) {
            throw new InvalidInputException(all + " ranks on host " + self.host() + " see " + uuids.size()
                    + (uuids.size() == 1 ? " GPU" : " GPUs") + " between them; start one rank a GPU, or set gpu-sharing to"
                    + " true, or device to cpu");
        }
        return visible.get(rank).gpus().get(before % uuids.size());
    }

    private static List<String> uuids(VisibleGpus visible) {
        return visible.gpus().stream().map(CudaDeviceInfo::uuid).toList();
    }

    private static int countSharers(int rank, boolean gpuSharing, List<Placement> placements,
            List<CudaDeviceInfo> gpus) {
        int sharers = 0;
        for (int other = 0; other < gpus.size(); other++) {
            if (!placements.get(other).bootId().equals(placements.get(rank).bootId())
                    || !gpus.get(other).uuid().equals(gpus.get(rank).uuid())) {
                continue;
            }
            sharers++;
            if (other < rank && !gpuSharing) {
                throw new InvalidInputException("ranks " + other + " and " + rank + " on host "
                        + placements.get(rank).host() + " meet on one GPU, " + gpus.get(rank).uuid()
                        + "; give each rank its own by CUDA_VISIBLE_DEVICES or --gpus-per-task, or set gpu-sharing to"
                        + " true");
            }
        }
        return sharers;
    }

    /** Null where it is not known. */
    private static SortedSet<Integer> besideGpu(Placement placement, List<VisibleGpus> visible, List<CudaDeviceInfo> gpus) {
        VisibleGpus seen = visible.get(placement.rank());
        String near = seen.nearCpus().get(seen.gpus().indexOf(gpus.get(placement.rank())));
        if (near.isEmpty()) {
            return null;
        }
        SortedSet<Integer> cpus = CpuSet.parse(near);
        cpus.retainAll(placement.cpus());
        return cpus;
    }

    private static List<String> keepTo(List<Placement> placements, List<VisibleGpus> visible, List<CudaDeviceInfo> gpus) {
        List<String> keepTo = new ArrayList<>();
        for (Placement placement : placements) {
            SortedSet<Integer> cpus = besideGpu(placement, visible, gpus);
            keepTo.add(cpus == null || cpus.size() == placement.cpus().size() ? "" : CpuSet.format(cpus));
        }
        return List.copyOf(keepTo);
    }

    private static List<String> notes(List<Placement> placements, List<VisibleGpus> visible,
            List<CudaDeviceInfo> gpus) {
        for (Placement placement : placements) {
            SortedSet<Integer> cpus = besideGpu(placement, visible, gpus);
            if (cpus != null && cpus.isEmpty()) {
                return List.of("rank " + placement.rank() + " may run on CPUs " + CpuSet.format(placement.cpus())
                        + ", none of which is beside its GPU (NUMA node " + gpus.get(placement.rank()).numaNode()
                        + "); mpirun --map-by numa --bind-to numa, or srun --gpu-bind=closest, keeps ranks near");
            }
        }
        return List.of();
    }

    boolean isCuda() {
        return !gpus.isEmpty();
    }

    /** In a table: {@code "GPU 0 NVIDIA H200 0000:3b:00.0"}. */
    String nameOf(int rank) {
        if (!isCuda()) {
            return name;
        }
        CudaDeviceInfo gpu = gpus.get(rank);
        return "GPU " + gpu.ordinal() + " " + gpu.name() + " " + gpu.pciBusId()
                + (sharers.get(rank) == 1 ? "" : " (shared by " + sharers.get(rank) + ")");
    }
}
