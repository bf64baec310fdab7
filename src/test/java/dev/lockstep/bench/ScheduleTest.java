package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.bench.Schedule.Chunk;
import dev.lockstep.bench.Schedule.Result;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class ScheduleTest {
    /** Two threads that do a small piece of work each tick, and know nothing of what comes. */
    private static Result simulate(int[] operations, List<Chunk> chunks, double tick) {
        double[] commLeft = chunks.stream().mapToDouble(Chunk::commSeconds).toArray();
        double[] updateLeft = chunks.stream().mapToDouble(Chunk::updateSeconds).toArray();
        double[] operationLeft = Arrays.stream(operations).asDoubleStream().toArray();
        double time = 0;
        double computed = -1;
        double summed = 0;
        int operation = 0;
        int sent = 0;
        int updated = 0;
        while (true) {
            // What is done at this instant costs no time.
            boolean changed = true;
            while (changed) {
                changed = false;
                if (operation < operations.length && operationLeft[operation] <= tick / 2) {
                    operation++;
                    changed = true;
                }
                if (sent < chunks.size() && operation > chunks.get(sent).readyAfter() && commLeft[sent] <= tick / 2) {
                    sent++;
                    summed = time;
                    changed = true;
                }
                if (operation == operations.length && updated < sent && updateLeft[updated] <= tick / 2) {
                    updated++;
                    changed = true;
                }
            }
            if (operation == operations.length && computed < 0) {
                computed = time;
            }
            if (operation == operations.length && updated == chunks.size()) {
                return new Result(time, computed, Math.max(0, summed - computed),
                        chunks.stream().mapToDouble(Chunk::commSeconds).sum());
            }
            boolean sums = sent < chunks.size() && operation > chunks.get(sent).readyAfter();
            double work = sums ? tick * (1 - chunks.get(sent).stolenFraction()) : tick;
            if (sums) {
                commLeft[sent] -= tick;
            }
            if (operation < operations.length) {
                operationLeft[operation] -= work;
            } else if (updated < sent) {
                updateLeft[updated] -= work;
            }
            time += tick;
        }
    }

    private static double[] seconds(int... values) {
        return Arrays.stream(values).asDoubleStream().toArray();
    }

    private static Chunk chunk(int readyAfter, double comm, double update) {
        return new Chunk(readyAfter, comm, update, 0);
    }

    /** All steps of up to three operations and two chunks, each of 0 to 2 s. */
    @Test
    void shouldEqualASimulationInEverySmallCase() {
        int cases = 0;
        for (int count = 1; count <= 3; count++) {
            for (int code = 0; code < Math.pow(3, count); code++) {
                int[] operations = digits(code, 3, count);
                for (int chunkCount = 0; chunkCount <= 2; chunkCount++) {
                    for (int times = 0; times < Math.pow(3, 2 * chunkCount); times++) {
                        int[] t = digits(times, 3, 2 * chunkCount);
                        for (int ready = 0; ready < Math.pow(count, chunkCount); ready++) {
                            int[] after = digits(ready, count, chunkCount);
                            Arrays.sort(after);
                            List<Chunk> chunks = new ArrayList<>();
                            for (int i = 0; i < chunkCount; i++) {
                                chunks.add(chunk(after[i], t[2 * i], t[2 * i + 1]));
                            }
                            assertEquals(simulate(operations, chunks, 1), Schedule.overlapped(seconds(operations), chunks),
                                    () -> Arrays.toString(operations) + chunks);
                            cases++;
                        }
                    }
                }
            }
        }
        assertEquals(3 * (1 + 9 + 81) + 9 * (1 + 2 * 9 + 4 * 81) + 27 * (1 + 3 * 9 + 9 * 81), cases);
    }

    private static int[] digits(int number, int base, int count) {
        int[] digits = new int[count];
        for (int i = 0, rest = number; i < count; i++, rest /= base) {
            digits[i] = rest % base;
        }
        return digits;
    }

    @Property(tries = 200, seed = "12")
    void shouldEqualASimulationWhereSumsTakeOfTheComputing(@ForAll @IntRange(min = 1, max = 8) int count,
            @ForAll @IntRange(min = 0, max = 6) int chunkCount, @ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int[] operations = random.ints(count, 0, 10).toArray();
        int[] after = random.ints(chunkCount, 0, count).sorted().toArray();
        List<Chunk> chunks = new ArrayList<>();
        for (int i = 0; i < chunkCount; i++) {
            chunks.add(new Chunk(after[i], random.nextInt(10), random.nextInt(5), random.nextInt(4) * 0.25));
        }
        Result expected = simulate(operations, chunks, 1e-3);
        Result actual = Schedule.overlapped(seconds(operations), chunks);
        // A tick for each thing that may end within one, and slowed fourfold at most.
        double tolerance = 8e-3 * (count + 2 * chunkCount);
        assertEquals(expected.stepSeconds(), actual.stepSeconds(), tolerance);
        assertEquals(expected.computeSeconds(), actual.computeSeconds(), tolerance);
        assertEquals(expected.exposedCommSeconds(), actual.exposedCommSeconds(), 2 * tolerance);
        assertEquals(expected.commSeconds(), actual.commSeconds());
    }

    @Property(seed = "13")
    void shouldLieBetweenItsLongestThreadAndNoOverlap(@ForAll @IntRange(min = 1, max = 8) int count,
            @ForAll @IntRange(min = 1, max = 6) int chunkCount, @ForAll long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double[] operations = random.doubles(count).toArray();
        int[] after = random.ints(chunkCount, 0, count).sorted().toArray();
        List<Chunk> chunks = new ArrayList<>();
        for (int each : after) {
            chunks.add(chunk(each, random.nextDouble(), random.nextDouble()));
        }
        Result overlapped = Schedule.overlapped(operations, chunks);
        Result sequential = Schedule.sequential(operations, chunks);
        double updates = chunks.stream().mapToDouble(Chunk::updateSeconds).sum();
        double computing = Arrays.stream(operations).sum();
        assertEquals(computing, overlapped.computeSeconds(), 1e-12);
        assertEquals(computing + updates + sequential.commSeconds(), sequential.stepSeconds(), 1e-12);
        assertTrue(overlapped.stepSeconds() <= sequential.stepSeconds() + 1e-12);
        assertTrue(overlapped.stepSeconds() >= computing + updates - 1e-12);
        double first = Arrays.stream(operations, 0, after[0] + 1).sum();
        assertTrue(overlapped.stepSeconds() >= first + overlapped.commSeconds() - 1e-12);
        assertTrue(overlapped.hiddenFraction() >= 0 && overlapped.hiddenFraction() <= 1);
    }

    /** dW2 a, b, dX2, dW0 and four chunks, as on paper. */
    @Test
    void shouldFollowAStepOnPaper() {
        double[] operations = seconds(1, 3, 2, 2, 4, 4);
        List<Chunk> chunks = List.of(chunk(2, 3, 1), chunk(3, 3, 1), chunk(5, 3, 1), chunk(5, 3, 1));
        // Ready at 6, 8, 16, 16; summed 6-9, 9-12, 16-19, 19-22; updates at 16, 17, 19, 22.
        assertEquals(new Result(23, 16, 6, 12), Schedule.overlapped(operations, chunks));
        assertEquals(0.5, Schedule.overlapped(operations, chunks).hiddenFraction());
        // The third sum starts at 16 and the last update is behind it, after three others between.
        assertEquals(new Result(32, 16, 15, 12), Schedule.sequential(operations, chunks));
    }

    @Test
    void shouldSlowTheOperationsBesideASum() {
        // The second operation starts at 2 beside 4 s of a sum that takes half: 2 of its 5 s are done at 6, the rest at 9.
        assertEquals(new Result(9, 9, 0, 4), Schedule.overlapped(seconds(2, 5), List.of(new Chunk(0, 4, 0, 0.5))));
    }

    @Test
    void shouldTakeAStepWithoutChunks() {
        Result result = Schedule.overlapped(seconds(2, 5), List.of());
        assertEquals(new Result(7, 7, 0, 0), result);
        assertEquals(result, Schedule.sequential(seconds(2, 5), List.of()));
        assertTrue(Double.isNaN(result.hiddenFraction()));
    }

    @Test
    void shouldRefuseWhatIsNoSchedule() {
        assertThrows(IllegalArgumentException.class, () -> Schedule.overlapped(seconds(1), List.of(chunk(1, 1, 1))));
        assertThrows(IllegalArgumentException.class,
                () -> Schedule.sequential(seconds(1, 1), List.of(chunk(1, 1, 1), chunk(0, 1, 1))));
        assertThrows(IllegalArgumentException.class, () -> chunk(-1, 1, 1));
        assertThrows(IllegalArgumentException.class, () -> chunk(0, Double.NaN, 1));
        assertThrows(IllegalArgumentException.class, () -> new Chunk(0, 1, 1, 1));
    }
}
