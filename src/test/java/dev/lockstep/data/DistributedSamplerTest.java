package dev.lockstep.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.Golden;
import dev.lockstep.InvalidInputException;
import dev.lockstep.random.Mt19937;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class DistributedSamplerTest {
    private static final int SAMPLES = 24;
    private static final int RANKS = 9;

    @Test
    void shouldDivideAsPyTorch() {
        for (JsonNode expected : Golden.cases("sampler")) {
            int ranks = expected.get("ranks").asInt();
            for (int rank = 0; rank < ranks; rank++) {
                DistributedSampler sampler = new DistributedSampler(expected.get("samples").asInt(), ranks, rank,
                        expected.get("shuffle").asBoolean(), expected.get("seed").asLong(),
                        expected.get("dropLast").asBoolean());
                int[] indices = indices(sampler, expected.get("epoch").asLong());
                assertEquals(Golden.brief(expected.get("shards").get(rank)), Golden.brief(indices), expected::toString);
            }
        }
    }

    @Test
    void shouldDealOutThePermutationInTurnAndRepeatItFromItsStart() {
        for (int samples = 1; samples <= SAMPLES; samples++) {
            for (int ranks = 1; ranks <= RANKS; ranks++) {
                int[] permutation = new Mt19937(5 + 3).randperm(samples);
                int[] dealt = dealt(samples, ranks, true, false);
                assertEquals((samples + ranks - 1) / ranks * ranks, dealt.length);
                for (int i = 0; i < dealt.length; i++) {
                    assertEquals(permutation[i % samples], dealt[i], samples + " samples, " + ranks + " ranks");
                }
            }
        }
    }

    @Test
    void shouldLeaveOutTheTailOfThePermutationWithDropLast() {
        for (int samples = 1; samples <= SAMPLES; samples++) {
            for (int ranks = 1; ranks <= RANKS; ranks++) {
                int kept = samples - samples % ranks;
                int[] permutation = Arrays.copyOf(new Mt19937(5 + 3).randperm(samples), kept);
                assertArrayEquals(permutation, dealt(samples, ranks, true, true));
            }
        }
    }

    @Test
    void shouldKeepTheOrderWithoutShuffle() {
        for (int samples = 1; samples <= SAMPLES; samples++) {
            for (int ranks = 1; ranks <= RANKS; ranks++) {
                int n = samples;
                int padded = (samples + ranks - 1) / ranks * ranks;
                assertArrayEquals(IntStream.range(0, padded).map(i -> i % n).toArray(),
                        dealt(samples, ranks, false, false));
                assertArrayEquals(IntStream.range(0, samples - samples % ranks).toArray(),
                        dealt(samples, ranks, false, true));
            }
        }
    }

    @Test
    void shouldGiveTheSameEpochAgainAfterAnother() {
        DistributedSampler sampler = new DistributedSampler(100, 3, 1, true, 0, false);
        int[] first = indices(sampler, 0);
        int[] second = indices(sampler, 1);
        assertTrue(!Arrays.equals(first, second), "two epochs alike");
        assertArrayEquals(first, indices(sampler, 0));
    }

    @Test
    void shouldAllocateNothingForAnEpoch() {
        DistributedSampler sampler = new DistributedSampler(1000, 3, 1, true, 0, false);
        int[] target = new int[sampler.samplesPerRank()];
        assertEquals(0, Allocations.bytesOf(() -> sampler.indices(7, target)));
    }

    @Test
    void shouldCountIndicesWithoutOverflow() {
        // The last rank's second position, 2 999 999 999, exceeds an int before it wraps around.
        int samples = Integer.MAX_VALUE;
        int ranks = 1_500_000_000;
        DistributedSampler sampler = new DistributedSampler(samples, ranks, ranks - 1, false, 0, false);
        assertArrayEquals(new int[] {ranks - 1, 852_516_352}, indices(sampler, 0));
    }

    @Test
    void shouldRefuseToShuffleMoreThanPyTorchShufflesByThisAlgorithm() {
        InvalidInputException e = assertThrows(InvalidInputException.class,
                () -> new DistributedSampler(Mt19937.PERMUTATION_LIMIT, 2, 0, true, 0, false));
        assertTrue(e.getMessage().contains("train.shuffle"), e.getMessage());
    }

    @Test
    void shouldRefuseARankOutsideTheWorld() {
        assertThrows(IllegalArgumentException.class, () -> new DistributedSampler(10, 2, 2, true, 0, false));
        assertThrows(IllegalArgumentException.class, () -> new DistributedSampler(10, 2, -1, true, 0, false));
        assertThrows(IllegalArgumentException.class, () -> new DistributedSampler(0, 2, 0, true, 0, false));
    }

    @Test
    void shouldEvaluateEachSampleOnce() {
        for (int samples = 1; samples <= SAMPLES; samples++) {
            for (int ranks = 1; ranks <= RANKS; ranks++) {
                int[] times = new int[samples];
                for (int rank = 0; rank < ranks; rank++) {
                    int[] indices = EvaluationSampler.indices(samples, ranks, rank);
                    for (int i = 0; i < indices.length; i++) {
                        assertEquals(rank + i * ranks, indices[i]);
                        times[indices[i]]++;
                    }
                }
                assertArrayEquals(IntStream.range(0, samples).map(i -> 1).toArray(), times);
            }
        }
    }

    /** What the ranks get, put together again in turn. */
    private static int[] dealt(int samples, int ranks, boolean shuffle, boolean dropLast) {
        int[] all = null;
        for (int rank = 0; rank < ranks; rank++) {
            int[] mine = indices(new DistributedSampler(samples, ranks, rank, shuffle, 5, dropLast), 3);
            all = all == null ? new int[mine.length * ranks] : all;
            for (int i = 0; i < mine.length; i++) {
                all[i * ranks + rank] = mine[i];
            }
        }
        return all;
    }

    private static int[] indices(DistributedSampler sampler, long epoch) {
        int[] indices = new int[sampler.samplesPerRank()];
        sampler.indices(epoch, indices);
        return indices;
    }

    /** Several changes of the number of ranks within one epoch, at any place. */
    @Property(tries = 500, seed = "41")
    void shouldGiveEachSampleOnceWhateverRanksGoOnWithAnEpoch(@ForAll @IntRange(min = 12, max = 200) int samples,
            @ForAll long seed, @ForAll boolean dropLast) {
        Random random = new Random(seed);
        List<Integer> seen = new ArrayList<>();
        long consumed = 0;
        int ranks = 0;
        while (consumed < samples) {
            ranks = 1 + random.nextInt(5);
            List<int[]> shards = new ArrayList<>();
            for (int rank = 0; rank < ranks; rank++) {
                DistributedSampler sampler = new DistributedSampler(samples, ranks, rank, true, 3, dropLast);
                int[] shard = new int[sampler.samplesPerRank(consumed)];
                sampler.indices(7, consumed, shard);
                shards.add(shard);
            }
            int left = shards.get(0).length;
            int taken = left == 0 ? 0 : 1 + random.nextInt(left);
            for (int i = 0; i < taken; i++) {
                for (int[] shard : shards) {
                    seen.add(shard[i]);
                }
            }
            consumed += (long) taken * ranks;
            if (taken == left) {
                break;
            }
        }
        // What is over is padding, less than one of each rank's; what is dropped as well.
        int[] order = new int[samples];
        new DistributedSampler(samples, 1, 0, true, 3, false).indices(7, order);
        for (int i = 0; i < seen.size(); i++) {
            assertEquals(order[i % samples], seen.get(i), "position " + i);
        }
        assertTrue(dropLast ? seen.size() <= samples && seen.size() > samples - ranks
                : seen.size() >= samples && seen.size() < samples + ranks, seen.size() + " of " + samples);
    }
}
