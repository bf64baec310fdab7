package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.cuda.CudaDeviceInfo;
import dev.lockstep.job.DeviceChoice;
import dev.lockstep.job.Precision;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DevicesTest {
    private static final String NO_DRIVER = "no libcuda.so.1; install an NVIDIA driver";

    private final List<Placement> placements = new ArrayList<>();
    private final List<VisibleGpus> visible = new ArrayList<>();

    /** Every host has its GPUs' names from its own: {@code a0, a1…} */
    private void rank(String host, int localRank, String... uuids) {
        placements.add(new Placement(placements.size(), host, "boot-" + host, 1, localRank, 8, CpuSet.parse("0-7"),
                CpuSet.parse("0-7"), false, 8, 8, null));
        visible.add(gpus(uuids));
    }

    private static VisibleGpus gpus(String... uuids) {
        return new VisibleGpus("", IntStream.range(0, uuids.length).mapToObj(ordinal -> gpu(ordinal, uuids[ordinal]))
                .toList(), Collections.nCopies(uuids.length, ""));
    }

    private static CudaDeviceInfo gpu(int ordinal, String uuid) {
        return new CudaDeviceInfo(ordinal, "NVIDIA Test", uuid, "0000:0" + ordinal + ":00.0", 1, 90, 132);
    }

    private void rankWithout(String host, int localRank) {
        rank(host, localRank);
        visible.set(visible.size() - 1, new VisibleGpus(NO_DRIVER, List.of(), List.of()));
    }

    private Devices choose(DeviceChoice asked, boolean gpuSharing) {
        return Devices.choose(asked, gpuSharing, Precision.FP32, placements, visible);
    }

    private List<Integer> ordinals(boolean gpuSharing) {
        return choose(DeviceChoice.CUDA, gpuSharing).gpus().stream().map(CudaDeviceInfo::ordinal).toList();
    }

    @Test
    void shouldTakeTheCpuWhereItIsAskedForWithoutLookingForGpus() {
        rank("a", 0, "a0");
        Devices devices = Devices.choose(DeviceChoice.CPU, false, Precision.FP32, placements, List.of());
        assertFalse(devices.isCuda());
        assertEquals("cpu", devices.nameOf(0));
        assertEquals("device: cpu is set by the job", devices.reason());
    }

    @Test
    void shouldTakeTheGpuByItselfWhereThereIsOne() {
        rank("a", 0, "a0");
        assertEquals("cuda", choose(DeviceChoice.AUTO, false).name());
        assertEquals("a GPU is here", choose(DeviceChoice.AUTO, false).reason());
        assertEquals("GPU 0 NVIDIA Test 0000:00:00.0", choose(DeviceChoice.CUDA, false).nameOf(0));
        rank("a", 1);
        visible.set(1, visible.get(0));
        assertTrue(choose(DeviceChoice.AUTO, true).nameOf(1).endsWith(" (shared by 2)"));
    }

    @Test
    void shouldFallBackOnlyWhereNoDeviceIsAskedForAndSayWhy() {
        rankWithout("a", 0);
        assertEquals(Devices.cpu(NO_DRIVER), choose(DeviceChoice.AUTO, false));
        assertEquals("device: cuda is asked for, but cannot be had: " + NO_DRIVER, refused(DeviceChoice.CUDA, false));
    }

    @Test
    void shouldTakeTheCpuForAllWhereOneRankHasNoGpu() {
        rank("a", 0, "a0");
        rankWithout("b", 0);
        assertEquals(Devices.cpu(NO_DRIVER + " (found by rank 1 on host b)"), choose(DeviceChoice.AUTO, false));
        assertTrue(refused(DeviceChoice.CUDA, false).endsWith(" (found by rank 1 on host b)"));
    }

    @Test
    void shouldNotFallBackToACpuThatLacksThePrecision() {
        rankWithout("a", 0);
        for (Precision precision : List.of(Precision.TF32, Precision.BF16)) {
            String message = assertThrows(InvalidInputException.class, () -> Devices.choose(DeviceChoice.AUTO, false,
                    precision, placements, visible)).getMessage();
            assertTrue(message.endsWith(" needs a GPU, and none can be had: " + NO_DRIVER
                    + "; or set precision to fp32"), message);
            assertTrue(Devices.choose(DeviceChoice.AUTO, false, precision, placements, List.of(gpus("a0"))).isCuda());
        }
    }

    /** All numbers of ranks on one or two hosts, and of GPUs there, as mpirun starts them: each sees all of its host's. */
    @Test
    void shouldBindLocalRankToGpuOfThatNumberWhereAllAreSeen() {
        for (int hosts = 1; hosts <= 2; hosts++) {
            for (int ranks = 1; ranks <= 9; ranks++) {
                for (int count = 1; count <= 8; count++) {
                    placements.clear();
                    visible.clear();
                    for (int i = 0; i < hosts * ranks; i++) {
                        String host = i < ranks ? "a" : "b";
                        rank(host, i % ranks, IntStream.range(0, count).mapToObj(gpu -> host + gpu)
                                .toArray(String[]::new));
                    }
                    if (ranks > count) {
                        assertEquals(ranks + " ranks on host a see " + count + (count == 1 ? " GPU" : " GPUs")
                                + " between them; start one rank a GPU, or set gpu-sharing to true, or device to cpu",
                                refused(DeviceChoice.AUTO, false));
                        assertEquals(refused(DeviceChoice.AUTO, false), refused(DeviceChoice.CUDA, false));
                    } else {
                        assertEquals(Collections.nCopies(hosts * ranks, 1), choose(DeviceChoice.AUTO, false).sharers());
                        assertEquals(ordinals(true), ordinals(false));
                    }
                    List<Integer> ordinals = ordinals(true);
                    Devices shared = choose(DeviceChoice.CUDA, true);
                    for (int i = 0; i < hosts * ranks; i++) {
                        int ordinal = i % ranks % count;
                        assertEquals(ordinal, ordinals.get(i));
                        assertEquals((ranks - ordinal - 1) / count + 1, shared.sharers().get(i));
                    }
                }
            }
        }
    }

    /** As srun --gpus-per-task does, or a script that sets CUDA_VISIBLE_DEVICES by rank. */
    @Test
    void shouldTakeTheFirstOfItsOwnWhereEachRankSeesOthers() {
        for (int perRank = 1; perRank <= 3; perRank++) {
            placements.clear();
            visible.clear();
            for (int i = 0; i < 4; i++) {
                int first = i * perRank;
                rank("a", i, IntStream.range(first, first + perRank).mapToObj(gpu -> "a" + gpu).toArray(String[]::new));
            }
            assertEquals(List.of(0, 0, 0, 0), ordinals(false));
            assertEquals(List.of("a0", "a" + perRank, "a" + 2 * perRank, "a" + 3 * perRank), choose(DeviceChoice.AUTO, false)
                    .gpus().stream().map(CudaDeviceInfo::uuid).toList());
        }
    }

    @Test
    void shouldFindByUuidThatRanksMeet() {
        rank("a", 0, "a0", "a1");
        rank("a", 1, "a1", "a0");
        assertEquals(List.of("a0", "a1"), choose(DeviceChoice.CUDA, false).gpus().stream().map(CudaDeviceInfo::uuid).toList());
        rank("a", 2, "a1");
        assertEquals("ranks 1 and 2 on host a meet on one GPU, a1; give each rank its own by CUDA_VISIBLE_DEVICES or"
                + " --gpus-per-task, or set gpu-sharing to true", refused(DeviceChoice.CUDA, false));
        assertEquals(List.of(1, 2, 2), choose(DeviceChoice.CUDA, true).sharers());
    }

    @Test
    void shouldKeepRanksToTheCpusBesideTheirGpuAsFarAsTheyMayChoose() {
        rank("a", 0, "a0");
        for (String[] nearAndKept : new String[][] {{"", ""}, {"0-15", ""}, {"4-15", "4-7"}, {"2,6,9", "2,6"}}) {
            visible.set(0, new VisibleGpus("", visible.get(0).gpus(), List.of(nearAndKept[0])));
            assertEquals(List.of(nearAndKept[1]), choose(DeviceChoice.CUDA, false).keepTo());
            assertEquals(List.of(), choose(DeviceChoice.CUDA, false).notes());
        }
    }

    @Test
    void shouldAdviseRanksThatMayNotRunBesideTheirGpu() {
        rank("a", 0, "a0");
        visible.set(0, new VisibleGpus("", visible.get(0).gpus(), List.of("8-15")));
        assertEquals(List.of(""), choose(DeviceChoice.CUDA, false).keepTo());
        String note = choose(DeviceChoice.CUDA, false).notes().get(0);
        assertTrue(note.startsWith("rank 0 may run on CPUs 0-7, none of which is beside its GPU (NUMA node 1); mpirun "), note);
    }

    private String refused(DeviceChoice asked, boolean gpuSharing) {
        String message = assertThrows(InvalidInputException.class, () -> choose(asked, gpuSharing)).getMessage();
        assertEquals(1, message.lines().count());
        return message;
    }
}
