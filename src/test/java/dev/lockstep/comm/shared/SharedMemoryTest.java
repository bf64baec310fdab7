package dev.lockstep.comm.shared;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.HostMemory;
import dev.lockstep.comm.Sharing;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.testing.RankThreads;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Ranks are threads of one process: they find its open files as those of other processes are found. */
class SharedMemoryTest {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final int COUNT = 100_003;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 8})
    void shouldSumRangesOfAnyLengthInTheOrderOfTheRanks(int ranks) {
        RankThreads.run(ranks, LIMIT, c -> {
            try (Device device = new CpuDevice(1); SharedMemory memory = SharedMemory.of(c, 0, bytes(COUNT)).memory().orElseThrow()) {
                assertFalse(memory.spansMachines());
                DeviceBuffer all = wrap(device, memory);
                int[][] ranges = {{0, COUNT}, {0, 1}, {COUNT - 1, 1}, {16, 16}, {5, 17}, {33, 4096 * ranks + 1}, {1, 0}, {7, 4095}};
                for (boolean spin : new boolean[] {true, false}) {
                    for (int[] range : ranges) {
                        fill(all.hostView(), c.rank());
                        // What is outside of the range is the rank's own, and may change while the others sum.
                        c.barrier();
                        if (range[1] > 0) {
                            memory.prepare(all.slice(range[0], range[1]).hostView()).run(spin);
                        }
                        c.barrier();
                        assertSums(all.hostView(), range[0], range[0] + range[1], c.rank(), ranks);
                        c.barrier();
                    }
                }
            }
        });
    }

    /** Each is late by turns, before a sum and between its halves, so that all have to wait in all places. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void shouldWaitForRanksThatAreLate(boolean spin) {
        int count = 1000;
        RankThreads.run(3, LIMIT, c -> {
            try (Device device = new CpuDevice(1); SharedMemory memory = SharedMemory.of(c, 0, bytes(2 * count)).memory().orElseThrow()) {
                DeviceBuffer all = wrap(device, memory);
                ByteBuffer[] halves = {all.slice(0, count).hostView(), all.slice(count, count).hostView()};
                SharedMemory.Sum[] sums = {memory.prepare(halves[0]), memory.prepare(halves[1])};
                Random delays = new Random(c.rank());
                for (int round = 0; round < 500; round++) {
                    for (int h = 0; h < 2; h++) {
                        for (int i = 0; i < count; i++) {
                            halves[h].putFloat(i * Float.BYTES, (float) (round + h) * (c.rank() + 1) + i);
                        }
                        long until = System.nanoTime() + delays.nextInt(200_000);
                        while (System.nanoTime() < until) {
                            Thread.onSpinWait();
                        }
                        sums[h].run(spin);
                    }
                    for (int h = 0; h < 2; h++) {
                        for (int i = 0; i < count; i++) {
                            assertEquals(6f * (round + h) + 3f * i, halves[h].getFloat(i * Float.BYTES));
                        }
                    }
                }
            }
        });
    }

    /** On several machines, which only the number given here tells apart: what they add to a part reaches all of them. */
    @ParameterizedTest
    @CsvSource({"2, 2", "2, 3", "3, 2"})
    void shouldTakeIntoAllBlocksWhatOtherMachinesAdd(int machines, int perMachine) {
        RankThreads.run(machines * perMachine, LIMIT, c -> {
            Communicator placed = placed(c, perMachine);
            try (Device device = new CpuDevice(1);
                    SharedMemory memory = SharedMemory.of(placed, c.rank() / perMachine * perMachine, bytes(COUNT)).memory().orElseThrow()) {
                assertTrue(memory.spansMachines());
                ByteBuffer all = wrap(device, memory).hostView();
                fill(all, c.rank());
                SharedMemory.Sum sum = memory.prepare(all);
                sum.sumPart(true);
                float[] expected = new float[COUNT];
                for (int r = 0; r < perMachine; r++) {
                    for (int i = 0; i < COUNT; i++) {
                        expected[i] += value(c.rank() / perMachine * perMachine + r, i);
                    }
                }
                int first = (int) ((SharedBlocks.address(sum.part()) - memory.address()) / Float.BYTES);
                for (int at = 0; at < sum.part().capacity(); at += Float.BYTES) {
                    assertEquals(expected[first + at / Float.BYTES], sum.part().getFloat(at));
                    sum.part().putFloat(at, -1 - c.rank() % perMachine);
                }
                sum.finish(false);
                float owner = 0;
                for (int i = 0; i < COUNT; i++) {
                    float of = all.getFloat(i * Float.BYTES);
                    assertTrue(of == owner || of == owner - 1, "element " + i + " is " + of + " behind " + owner);
                    owner = of;
                }
                assertEquals(-perMachine, owner);
                c.barrier();
            }
        });
    }

    @Test
    void shouldBeZeroedAndKnowItsOwnBuffers() {
        RankThreads.run(2, LIMIT, c -> {
            try (Device device = new CpuDevice(1); SharedMemory memory = SharedMemory.of(c, 0, bytes(COUNT)).memory().orElseThrow();
                    SharedMemory other = SharedMemory.of(c, 0, bytes(8)).memory().orElseThrow()) {
                DeviceBuffer all = wrap(device, memory);
                assertEquals(bytes(COUNT), device.allocatedBytes());
                assertEquals(0, memory.address() % 64);
                for (int i = 0; i < COUNT; i++) {
                    assertEquals(0, all.hostView().getFloat(i * Float.BYTES));
                }
                assertTrue(memory.contains(all.hostView()));
                assertTrue(memory.contains(all.slice(COUNT - 1, 1).hostView()));
                assertFalse(other.contains(all.slice(0, 1).hostView()));
                assertFalse(memory.contains(ByteBuffer.allocateDirect(4)));
                assertThrows(IndexOutOfBoundsException.class, () -> other.prepare(all.slice(0, 1).hostView()));
                c.barrier();
            }
        });
    }

    @Test
    void shouldBeThereOnAllRanksOrOnNoneAndSayWhy() {
        RankThreads.run(1, LIMIT, c -> assertEquals(Sharing.refused("rank 0 is alone on its machine"), SharedMemory.of(c, 0, 4)));
        RankThreads.run(3, LIMIT, c -> {
            assertEquals(Sharing.refused("rank 1 has no use for shared memory"),
                    SharedMemory.of(c, 0, c.rank() == 1 ? 0 : 4));
            assertEquals(Sharing.refused("rank 2 is alone on its machine"), SharedMemory.of(placed(c, 2), c.rank() / 2, 4));
            SharedMemory.of(c, 0, 4).memory().orElseThrow().close();
        });
        RankThreads.run(5, LIMIT, c -> assertEquals(Sharing.refused("the machines have different numbers of ranks"),
                SharedMemory.of(placed(c, 3), c.rank() / 3, 4)));
        // Two, three and four ranks: as many as three on each of three machines.
        int[] machines = {0, 0, 1, 1, 1, 2, 2, 2, 2};
        RankThreads.run(9, LIMIT, c -> {
            int machine = machines[c.rank()];
            int first = List.of(0, 2, 5).get(machine);
            assertEquals(Sharing.refused("the machines have different numbers of ranks"),
                    SharedMemory.of(placed(c, c.rank() - first, machine + 2), machine, 4));
        });
    }

    /** The number of a file that another process has open means another file in this one. */
    @Test
    void shouldTouchNoFileButTheOneThatIsMeant() throws Exception {
        ByteBuffer token = ByteBuffer.allocateDirect(16).putLong(0, 1);
        ByteBuffer other = ByteBuffer.allocateDirect(16).putLong(0, 2);
        long process = ProcessHandle.current().pid();
        int file = SharedBlocks.create(4096, token);
        assertTrue(SharedBlocks.mapOfProcess(process, file, 4096, token) > 0);
        int noSuchFile = -2;
        assertEquals(noSuchFile, SharedBlocks.mapOfProcess(process, file, 4096, other), "of another rank");
        assertEquals(noSuchFile, SharedBlocks.mapOfProcess(process, file, 8192, token), "of another length");
        assertEquals(noSuchFile, SharedBlocks.mapOfProcess(process, 1 << 20, 4096, token), "none");
        Path ordinary = Files.write(folder.resolve("ordinary"), new byte[3 * 4096]);
        try (RandomAccessFile opened = new RandomAccessFile(ordinary.toFile(), "rw"); Stream<Path> files = openFiles()) {
            int number = files.filter(each -> refersTo(each, ordinary)).mapToInt(each ->
                    Integer.parseInt(each.getFileName().toString())).findFirst().orElseThrow();
            opened.write(new byte[] {0, 0, 0, 0, 0, 0, 0, 1});
            assertEquals(noSuchFile, SharedBlocks.mapOfProcess(process, number, 2 * 4096, token), "no memory of ranks");
        }
        SharedBlocks.closeFile(file);
    }

    private static Stream<Path> openFiles() throws IOException {
        return Files.list(Path.of("/proc/self/fd"));
    }

    private static boolean refersTo(Path link, Path file) {
        try {
            return Files.readSymbolicLink(link).equals(file.toRealPath());
        } catch (IOException e) {
            return false; // closed by now
        }
    }

    /** As if so many ranks each were on a machine. */
    private static Communicator placed(Communicator ranks, int perMachine) {
        int machine = ranks.rank() / perMachine;
        return placed(ranks, ranks.rank() % perMachine, Math.min(perMachine, ranks.size() - machine * perMachine));
    }

    private static Communicator placed(Communicator ranks, int localRank, int localSize) {
        InvocationHandler handler = (proxy, method, arguments) -> {
            try {
                return switch (method.getName()) {
                    case "localRank" -> localRank;
                    case "localSize" -> localSize;
                    default -> method.invoke(ranks, arguments);
                };
            } catch (InvocationTargetException e) {
                throw e.getCause();
            }
        };
        return (Communicator) Proxy.newProxyInstance(Communicator.class.getClassLoader(), new Class<?>[] {Communicator.class},
                handler);
    }

    private static DeviceBuffer wrap(Device device, HostMemory memory) {
        return device.register(memory.address(), memory.bytes(), () -> { }).orElseThrow();
    }

    private static long bytes(int floats) {
        return (long) floats * Float.BYTES;
    }

    /** Of which sums depend on their order. */
    private static float value(int rank, int index) {
        return (float) Math.sin(index * 0.37 + rank) * (rank % 2 == 0 ? 1e4f : 1);
    }

    private static void fill(ByteBuffer floats, int rank) {
        for (int i = 0; i < floats.capacity() / Float.BYTES; i++) {
            floats.putFloat(i * Float.BYTES, value(rank, i));
        }
    }

    private static void assertSums(ByteBuffer floats, int first, int end, int rank, int ranks) {
        for (int i = 0; i < floats.capacity() / Float.BYTES; i++) {
            float expected = value(rank, i);
            if (i >= first && i < end) {
                expected = value(0, i);
                for (int r = 1; r < ranks; r++) {
                    expected += value(r, i);
                }
            }
            assertEquals(expected, floats.getFloat(i * Float.BYTES), "element " + i + " of " + first + " to " + end);
        }
    }
}
