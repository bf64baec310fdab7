package dev.lockstep.comm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/**
 * What every communicator holds to. A check is a public static {@code should…(Communicator)}, which all ranks run
 * together; so the same checks run on threads in a unit test and in processes under mpirun.
 */
public final class CommunicatorContract {
    private CommunicatorContract() {}

    /** One check, by the name of its method. */
    public record Check(String name, Method method) {
        /** On the calling rank; all ranks call it. */
        public void run(Communicator communicator) throws Exception {
            try {
                method.invoke(null, communicator);
            } catch (InvocationTargetException e) {
                if (e.getCause() instanceof Error error) {
                    throw error;
                }
                throw (Exception) e.getCause();
            }
        }
    }

    /** All checks, in an order that is the same on every rank. */
    public static List<Check> checks() {
        return Stream.of(CommunicatorContract.class.getDeclaredMethods())
                .filter(method -> Modifier.isPublic(method.getModifiers()))
                .filter(method -> method.getName().startsWith("should"))
                .map(method -> new Check(method.getName(), method))
                .sorted(Comparator.comparing(Check::name))
                .toList();
    }

    public static void shouldKnowItsPlaceAmongTheRanks(Communicator c) {
        assertTrue(0 <= c.rank() && c.rank() < c.size());
        // The ranks of these tests share one machine.
        assertEquals(c.size(), c.localSize());
        List<byte[]> places = c.allGather(new byte[] {(byte) c.rank(), (byte) c.localRank()});
        assertEquals(c.size(), places.size());
        boolean[] taken = new boolean[c.size()];
        for (int r = 0; r < c.size(); r++) {
            assertEquals(r, places.get(r)[0]);
            taken[places.get(r)[1]] = true;
        }
        for (boolean each : taken) {
            assertTrue(each, "a local rank is missing");
        }
        assertFalse(c.description().isBlank());
    }

    public static void shouldSumBuffersOfOddLengths(Communicator c) {
        for (int count : new int[] {0, 1, 7, 1024, 1_000_003}) {
            ByteBuffer floats = floats(count);
            AllReduce reduction = c.prepareAllReduce(floats);
            for (boolean asynchronous : new boolean[] {true, false}) {
                fill(floats, c.rank(), 1);
                if (asynchronous) {
                    reduction.start();
                    reduction.await();
                } else {
                    reduction.run();
                }
                assertSums(floats, c.size(), 1);
            }
        }
    }

    public static void shouldSumDoublesBesideFloats(Communicator c) {
        ByteBuffer floats = floats(513);
        ByteBuffer doubles = ByteBuffer.allocateDirect(3 * Double.BYTES).order(ByteOrder.nativeOrder());
        AllReduce sum = c.prepareAllReduce(floats);
        AllReduce ofDoubles = c.prepareAllReduceOfDoubles("statistics", doubles, HostTransfer.NONE);
        for (int round = 0; round < 20; round++) {
            fill(floats, c.rank(), round);
            sum.start();
            for (int i = 0; i < 3; i++) {
                // More digits than a float has.
                doubles.putDouble(i * Double.BYTES, 1 + Math.scalb(i + round, -40) * (c.rank() + 1));
            }
            ofDoubles.start();
            ofDoubles.await();
            sum.await();
            assertSums(floats, c.size(), round);
            for (int i = 0; i < 3; i++) {
                assertEquals(c.size() + Math.scalb(i + round, -40) * c.size() * (c.size() + 1) / 2,
                        doubles.getDouble(i * Double.BYTES));
            }
        }
    }

    public static void shouldReduceManyInTheOrderOfTheirStarts(Communicator c) {
        List<ByteBuffer> buffers = new ArrayList<>();
        List<AllReduce> reductions = new ArrayList<>();
        for (int k = 0; k < 50; k++) {
            buffers.add(floats(1 + 37 * k));
            reductions.add(c.prepareAllReduce(buffers.get(k)));
        }
        for (int round = 0; round < 5; round++) {
            // Each rank is late in its own places.
            Random delays = new Random(1000L * round + c.rank());
            for (int k = reductions.size() - 1; k >= 0; k--) {
                fill(buffers.get(k), c.rank(), k + round);
                spin(delays.nextInt(20_000));
                reductions.get(k).start();
            }
            for (int k = 0; k < reductions.size(); k++) {
                reductions.get(k).await();
                assertSums(buffers.get(k), c.size(), k + round);
            }
        }
    }

    public static void shouldMixStartedAndOwnReductions(Communicator c) {
        ByteBuffer first = floats(513);
        ByteBuffer second = floats(70_001);
        AllReduce started = c.prepareAllReduce(first);
        AllReduce own = c.prepareAllReduce(second);
        for (int round = 0; round < 200; round++) {
            fill(first, c.rank(), round);
            started.start();
            fill(second, c.rank(), round + 1);
            started.await();
            own.run();
            assertSums(first, c.size(), round);
            assertSums(second, c.size(), round + 1);
        }
    }

    public static void shouldSayWhenAStartedReductionIsDone(Communicator c) {
        AllReduce reduction = c.prepareAllReduce(floats(64));
        assertFalse(reduction.isDone());
        reduction.start();
        long limit = System.nanoTime() + 10_000_000_000L;
        while (!reduction.isDone()) {
            assertTrue(System.nanoTime() - limit < 0, "not done within 10 s");
            Thread.onSpinWait();
        }
        reduction.await();
        assertFalse(reduction.isDone());
    }

    public static void shouldSumWholeBufferWhateverItsPosition(Communicator c) {
        ByteBuffer floats = floats(10);
        fill(floats, c.rank(), 3);
        c.prepareAllReduce(floats.slice(16, 16).position(4).limit(8)).run();
        for (int i = 0; i < 10; i++) {
            float expected = i < 4 || i >= 8 ? value(c.rank(), i, 3) : sum(c.size(), i, 3);
            assertEquals(expected, floats.getFloat(4 * i), "float " + i);
        }
    }

    public static void shouldBroadcastAnyLengthFromAnyRoot(Communicator c) {
        // Under mpirun these tests set the piece to 1000 bytes.
        for (int length : new int[] {0, 1, 999, 1000, 1001, 3000, 123_457}) {
            int root = length % c.size();
            ByteBuffer bytes = ByteBuffer.allocateDirect(length);
            for (int i = 0; i < length; i++) {
                bytes.put(i, (byte) (c.rank() == root ? 31 * i + length : -1));
            }
            c.broadcast(bytes, root);
            for (int i = 0; i < length; i++) {
                assertEquals((byte) (31 * i + length), bytes.get(i));
            }
        }
    }

    public static void shouldGatherArraysOfDifferentLengths(Communicator c) {
        for (int factor = 0; factor < 3; factor++) {
            byte[] own = new byte[factor * ((c.rank() + 2) % 3)];
            Arrays.fill(own, (byte) (c.rank() + 1));
            List<byte[]> gathered = c.allGather(own);
            assertEquals(c.size(), gathered.size());
            for (int r = 0; r < c.size(); r++) {
                byte[] expected = new byte[factor * ((r + 2) % 3)];
                Arrays.fill(expected, (byte) (r + 1));
                assertArrayEquals(expected, gathered.get(r));
            }
        }
    }

    /** Larger than what a library might hold ready, and than it may square. */
    public static void shouldGatherManyBytesAlsoOfOneRank(Communicator c) {
        for (int[] lengths : new int[][] {{300_000, 0, 0, 0}, {0, 0, 0, 300_000}, {200_003, 200_001, 200_000, 200_002}}) {
            byte[] own = new byte[lengths[c.rank()]];
            Arrays.fill(own, (byte) (c.rank() + 1));
            List<byte[]> gathered = c.allGather(own);
            for (int r = 0; r < c.size(); r++) {
                byte[] expected = new byte[lengths[r]];
                Arrays.fill(expected, (byte) (r + 1));
                assertArrayEquals(expected, gathered.get(r));
            }
        }
    }

    public static void shouldSumDoublesInTheSameOrderOnEveryRank(Communicator c) {
        for (int count : new int[] {0, 1, 5, 1000, 3}) {
            double[] values = new double[count];
            double[] expected = new double[count];
            for (int r = 0; r < c.size(); r++) {
                // Of such different sizes that another order gives other bits.
                Random random = new Random(r);
                for (int i = 0; i < count; i++) {
                    double value = random.nextGaussian() * Math.pow(10, random.nextInt(12));
                    expected[i] = r == 0 ? value : expected[i] + value;
                    values[i] = r == c.rank() ? value : values[i];
                }
            }
            c.allReduceSum(values);
            assertArrayEquals(expected, values);
        }
    }

    public static void shouldTakeTheSmallestDoublesOverTheRanks(Communicator c) {
        for (int count : new int[] {0, 1, 1000}) {
            double[] values = new double[count];
            double[] expected = new double[count];
            Arrays.setAll(values, i -> i - ((i + c.rank()) % c.size()));
            Arrays.setAll(expected, i -> i - (c.size() - 1));
            c.allReduceMin(values);
            assertArrayEquals(expected, values);
        }
    }

    public static void shouldRefuseStepsOutOfOrder(Communicator c) {
        AllReduce reduction = c.prepareAllReduce(floats(100));
        AllReduce other = c.prepareAllReduce(floats(100));
        assertThrows(IllegalStateException.class, reduction::await);
        reduction.start();
        assertThrows(IllegalStateException.class, reduction::start);
        assertThrows(IllegalStateException.class, reduction::run);
        assertThrows(IllegalStateException.class, other::run);
        assertThrows(IllegalStateException.class, other::await);
        assertThrows(IllegalStateException.class, c::barrier);
        assertThrows(IllegalStateException.class, () -> c.allReduceSum(new double[1]));
        assertThrows(IllegalStateException.class, () -> c.allGather(new byte[1]));
        assertThrows(IllegalStateException.class, () -> c.broadcast(floats(1), 0));
        assertThrows(IllegalStateException.class, () -> c.prepareAllReduce(floats(1)));
        reduction.await();
        assertThrows(IllegalStateException.class, reduction::await);
        // None of that has harmed it.
        other.run();
        c.barrier();
    }

    public static void shouldRefuseBuffersThatItCannotSend(Communicator c) {
        assertThrows(IllegalArgumentException.class, () -> c.prepareAllReduce(ByteBuffer.allocate(8)));
        assertThrows(IllegalArgumentException.class, () -> c.prepareAllReduce(ByteBuffer.allocateDirect(7)));
        assertThrows(IllegalArgumentException.class, () -> c.broadcast(ByteBuffer.allocate(8), 0));
        assertThrows(IndexOutOfBoundsException.class, () -> c.broadcast(floats(1), c.size()));
    }

    /** A rank passes a barrier only once the last one has come. */
    public static void shouldHoldRanksAtTheBarrier(Communicator c) {
        long[] beforeAndAfter = new long[2];
        spin(2_000_000L * c.rank());
        beforeAndAfter[0] = System.nanoTime();
        c.barrier();
        beforeAndAfter[1] = System.nanoTime();
        // nanoTime is one clock for all processes of a machine on Linux.
        List<byte[]> all = c.allGather(
                ByteBuffer.allocate(16).putLong(beforeAndAfter[0]).putLong(beforeAndAfter[1]).array());
        for (byte[] from : all) {
            long arrival = ByteBuffer.wrap(from).getLong();
            assertTrue(arrival <= beforeAndAfter[1], "left before all had come");
        }
    }

    static ByteBuffer floats(int count) {
        return ByteBuffer.allocateDirect(count * Float.BYTES).order(ByteOrder.nativeOrder());
    }

    /** Small whole numbers, whose sums are exact in any order. */
    private static float value(int rank, int index, int seed) {
        return (rank + 1) * ((index + 31 * seed) % 1000);
    }

    private static float sum(int ranks, int index, int seed) {
        return value(0, index, seed) * (ranks * (ranks + 1) / 2);
    }

    private static void fill(ByteBuffer floats, int rank, int seed) {
        for (int i = 0; i < floats.capacity() / 4; i++) {
            floats.putFloat(4 * i, value(rank, i, seed));
        }
    }

    private static void assertSums(ByteBuffer floats, int ranks, int seed) {
        for (int i = 0; i < floats.capacity() / 4; i++) {
            if (floats.getFloat(4 * i) != sum(ranks, i, seed)) {
                assertEquals(sum(ranks, i, seed), floats.getFloat(4 * i), "float " + i);
            }
        }
    }

    private static void spin(long nanos) {
        long end = System.nanoTime() + nanos;
        while (System.nanoTime() - end < 0) {
            Thread.onSpinWait();
        }
    }
}
