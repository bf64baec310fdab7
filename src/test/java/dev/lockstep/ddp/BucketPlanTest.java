package dev.lockstep.ddp;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.Golden;
import dev.lockstep.ddp.BucketPlan.Bucket;
import dev.lockstep.ddp.BucketPlan.Chunk;
import dev.lockstep.tensor.ParameterShape;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.LongRange;

/** What a plan must be is worked out here anew, from the row ranges' offsets, in another way than BucketPlan's. */
class BucketPlanTest {
    private static final long UNLIMITED = Long.MAX_VALUE;
    private static final long MIB = 1 << 20;

    /** The arguments of {@link BucketPlan#of}. */
    record Request(List<ParameterShape> shapes, long firstBytes, long restBytes, long chunkBytes) {
        BucketPlan plan() {
            return BucketPlan.of(shapes, firstBytes, restBytes, chunkBytes);
        }
    }

    /** Rows {@code firstRow} to {@code endRow - 1} of a parameter, and where they lie in the arena, gap included. */
    private record RowRange(int parameter, int firstRow, int endRow, long start, long end, long bytesWithoutGap) {
    }

    @Provide
    Arbitrary<Request> requests() {
        Arbitrary<ParameterShape> shape = Combinators.combine(Arbitraries.integers().between(1, 90),
                Arbitraries.integers().between(0, 40)).as((rows, columns) -> new ParameterShape("p", rows, columns,
                        ParameterShape.Role.WEIGHT));
        Arbitrary<Long> bytes = Arbitraries.oneOf(Arbitraries.longs().between(1, 300),
                Arbitraries.longs().between(1, 20_000), Arbitraries.of(UNLIMITED, MIB));
        return Combinators.combine(shape.list().ofMinSize(1).ofMaxSize(12), bytes, bytes, bytes).as(Request::new);
    }

    @Example
    void shouldFillBucketsAsPyTorch() {
        for (JsonNode golden : Golden.cases("buckets")) {
            List<ParameterShape> shapes = new ArrayList<>();
            golden.get("sizes").forEach(size -> shapes.add(ParameterShape.bias("p", size.asInt())));
            List<Integer> expected = new ArrayList<>();
            golden.get("buckets").forEach(count -> expected.add(count.asInt()));

            BucketPlan plan = BucketPlan.of(shapes, golden.get("first").asLong(), golden.get("rest").asLong(), MIB);

            assertEquals(expected, plan.buckets().stream().map(Bucket::parameterCount).toList(), golden::toString);
        }
    }

    /** A bucket is the shortest run of what is left that reaches its limit, or all that is left. */
    @Property(tries = 500, seed = "1")
    void shouldCloseABucketAsSoonAsItReachesItsLimit(@ForAll("requests") Request request) {
        List<Integer> expected = new ArrayList<>();
        for (int first = 0; first < request.shapes.size(); first += expected.get(expected.size() - 1)) {
            List<ParameterShape> left = request.shapes.subList(first, request.shapes.size());
            long limit = expected.isEmpty() ? request.firstBytes : request.restBytes;
            expected.add(IntStream.rangeClosed(1, left.size())
                    .filter(count -> bytes(left.subList(0, count)) >= limit)
                    .findFirst().orElse(left.size()));
        }
        assertEquals(expected, request.plan().buckets().stream().map(Bucket::parameterCount).toList());
    }

    @Property(tries = 500, seed = "2")
    void shouldCoverTheArenaByBucketsWithGapsIncluded(@ForAll("requests") Request request) {
        BucketPlan plan = request.plan();
        int parameter = 0;
        long element = 0;
        for (Bucket bucket : plan.buckets()) {
            assertEquals(parameter, bucket.firstParameter());
            assertEquals(element, bucket.firstElement());
            for (int end = parameter + bucket.parameterCount(); parameter < end; parameter++) {
                assertEquals(plan.buckets().indexOf(bucket), plan.bucketOf(parameter));
                element += (request.shapes.get(parameter).elementCount() + 15) / 16 * 16;
            }
            assertEquals(element, bucket.firstElement() + bucket.elementCount());
            assertEquals(4 * bucket.elementCount(), bucket.bytes());
        }
        assertEquals(request.shapes.size(), parameter);
    }

    @Property(tries = 500, seed = "3")
    void shouldCoverEachBucketByItsChunksInOrder(@ForAll("requests") Request request) {
        BucketPlan plan = request.plan();
        int bucketIndex = 0;
        long element = 0;
        for (Chunk chunk : plan.chunks()) {
            Bucket bucket = plan.buckets().get(bucketIndex);
            assertEquals(bucketIndex, chunk.bucket());
            assertEquals(element, chunk.firstElement());
            assertTrue(chunk.elementCount() > 0);
            assertEquals(4 * chunk.elementCount(), chunk.bytes());
            element += chunk.elementCount();
            long bucketEnd = bucket.firstElement() + bucket.elementCount();
            assertTrue(element <= bucketEnd, "a chunk over a bucket's end");
            if (element == bucketEnd) {
                bucketIndex++;
            }
        }
        assertEquals(plan.buckets().size(), bucketIndex);
    }

    @Property(tries = 500, seed = "4")
    void shouldEndEachChunkWithTheRowsThatItNames(@ForAll("requests") Request request) {
        BucketPlan plan = request.plan();
        List<RowRange> ranges = ranges(request.shapes, plan);
        for (Chunk chunk : plan.chunks()) {
            RowRange last = ranges.stream().filter(range -> range.end == chunk.firstElement() + chunk.elementCount())
                    .findFirst().orElseThrow();
            assertEquals(last.parameter, chunk.lastParameter());
            assertEquals(last.endRow, chunk.rows());
        }
    }

    @Property(tries = 500, seed = "5")
    void shouldMakeChunksAsLargeAsTheAimAllows(@ForAll("requests") Request request) {
        BucketPlan plan = request.plan();
        List<RowRange> ranges = ranges(request.shapes, plan);
        for (int k = 0; k < plan.chunks().size(); k++) {
            Chunk chunk = plan.chunks().get(k);
            long end = chunk.firstElement() + chunk.elementCount();
            List<RowRange> inside = ranges.stream()
                    .filter(range -> range.start >= chunk.firstElement() && range.end <= end).toList();
            if (chunk.bytes() > request.chunkBytes) {
                RowRange only = inside.get(0);
                assertEquals(1, inside.size(), "ranges in a chunk above the aim");
                assertTrue(only.endRow - only.firstRow == 1 || only.bytesWithoutGap <= request.chunkBytes,
                        "more than a row, and more than a gap, above the aim");
            }
            if (k + 1 < plan.chunks().size() && plan.chunks().get(k + 1).bucket() == chunk.bucket()) {
                RowRange next = ranges.get(ranges.indexOf(inside.get(inside.size() - 1)) + 1);
                assertTrue(4 * (next.end - chunk.firstElement()) > request.chunkBytes, "the next range had fitted");
            }
        }
    }

    @Property(tries = 500, seed = "6")
    void shouldDivideParametersIntoTheFewestNearEqualRowRanges(@ForAll("requests") Request request) {
        BucketPlan plan = request.plan();
        assertEquals(request.shapes.size(), plan.rowEnds().size());
        for (int p = 0; p < request.shapes.size(); p++) {
            ParameterShape shape = request.shapes.get(p);
            int[] ends = plan.rowEnds().get(p);
            int rows = ends[0];
            for (int i = 1; i < ends.length; i++) {
                assertTrue(ends[i] > ends[i - 1], "row ends ascend");
                assertEquals(Math.min(rows * (i + 1), shape.rows()), ends[i], "all ranges but the last are equal");
            }
            assertEquals(shape.rows(), ends[ends.length - 1]);
            long rowBytes = 4L * Math.max(1, shape.columns());
            assertTrue(rows == 1 || rows * rowBytes <= request.chunkBytes, "a range above the aim");
            // Fewest: with one range less, even equal ones would not fit, or not in whole blocks of rows.
            if (ends.length > 1) {
                boolean blocks = 16 * rowBytes <= request.chunkBytes;
                assertTrue(!blocks || rows % 16 == 0, "a range of whole blocks");
                int block = blocks ? 16 : 1;
                int fewer = ends.length - 1;
                int rowsOfFewer = ((shape.rows() + fewer - 1) / fewer + block - 1) / block * block;
                assertTrue(rowsOfFewer * rowBytes > request.chunkBytes, "fewer ranges had fitted");
            }
        }
    }

    @Property(tries = 200, seed = "7")
    void shouldSendEachBucketAtOnceIfTheAimIsUnlimited(@ForAll("requests") Request request) {
        BucketPlan plan = BucketPlan.of(request.shapes, request.firstBytes, request.restBytes, UNLIMITED);
        assertEquals(plan.buckets().size(), plan.chunks().size());
        for (int p = 0; p < request.shapes.size(); p++) {
            assertArrayEquals(new int[] {request.shapes.get(p).rows()}, plan.rowEnds().get(p));
        }
    }

    @Property(tries = 200, seed = "8")
    void shouldSendEachRowAloneIfTheAimIsAByte(@ForAll("requests") Request request, @ForAll @LongRange(min = 1, max = 4)
            long chunkBytes) {
        BucketPlan plan = BucketPlan.of(request.shapes, request.firstBytes, request.restBytes, chunkBytes);
        assertEquals(request.shapes.stream().mapToInt(ParameterShape::rows).sum(), plan.chunks().size());
        for (int p = 0; p < request.shapes.size(); p++) {
            assertArrayEquals(IntStream.rangeClosed(1, request.shapes.get(p).rows()).toArray(), plan.rowEnds().get(p));
        }
    }

    @Example
    void shouldDivideTheWideLayerIntoChunksOfTheAim() {
        List<ParameterShape> shapes = List.of(ParameterShape.bias("2.bias", 4096),
                ParameterShape.matrix("2.weight", 4096, 4096));
        BucketPlan plan = BucketPlan.of(shapes, MIB, 25 * MIB, 4 * MIB);
        assertEquals(1, plan.buckets().size());
        assertEquals(17, plan.chunks().size());
        assertEquals(new Chunk(0, 0, 4096, 0, 4096), plan.chunks().get(0));
        assertEquals(new Chunk(0, 4096, MIB, 1, 256), plan.chunks().get(1));
        assertEquals(new Chunk(0, 4096 + 15 * MIB, MIB, 1, 4096), plan.chunks().get(16));
    }

    @Example
    void shouldNotLeaveASingleRowBehind() {
        List<ParameterShape> shapes = List.of(ParameterShape.matrix("weight", 129, 1024));
        BucketPlan plan = BucketPlan.of(shapes, MIB, MIB, 128 * 4096);
        assertArrayEquals(new int[] {80, 129}, plan.rowEnds().get(0));
    }

    /** A host view is limited to 2 GiB, whatever the aim. */
    @Example
    void shouldDivideWhatNoHostViewCanHold() {
        List<ParameterShape> shapes = List.of(ParameterShape.bias("bias", 32768),
                ParameterShape.matrix("weight", 32768, 32768));
        BucketPlan plan = BucketPlan.of(shapes, UNLIMITED, UNLIMITED, UNLIMITED);
        assertEquals(1, plan.buckets().size());
        assertTrue(plan.chunks().stream().allMatch(chunk -> chunk.bytes() <= Integer.MAX_VALUE), plan::toString);
        assertEquals(32768L * 32769, plan.chunks().stream().mapToLong(Chunk::elementCount).sum());
        assertEquals(5, plan.chunks().size());
    }

    @Example
    void shouldRefuseEmptyModelsAndSizesBelowAByte() {
        List<ParameterShape> shapes = List.of(ParameterShape.bias("bias", 3));
        assertThrows(IllegalArgumentException.class, () -> BucketPlan.of(List.of(), 1, 1, 1));
        assertThrows(IllegalArgumentException.class, () -> BucketPlan.of(shapes, 0, 1, 1));
        assertThrows(IllegalArgumentException.class, () -> BucketPlan.of(shapes, 1, 0, 1));
        assertThrows(IllegalArgumentException.class, () -> BucketPlan.of(shapes, 1, 1, 0));
    }

    private static long bytes(List<ParameterShape> shapes) {
        return shapes.stream().mapToLong(shape -> 4 * shape.elementCount()).sum();
    }

    private static List<RowRange> ranges(List<ParameterShape> shapes, BucketPlan plan) {
        List<RowRange> ranges = new ArrayList<>();
        long parameterStart = 0;
        for (int p = 0; p < shapes.size(); p++) {
            int rowElements = Math.max(1, shapes.get(p).columns());
            long nextParameter = parameterStart + (shapes.get(p).elementCount() + 15) / 16 * 16;
            int first = 0;
            for (int end : plan.rowEnds().get(p)) {
                ranges.add(new RowRange(p, first, end, parameterStart + (long) first * rowElements,
                        end == shapes.get(p).rows() ? nextParameter : parameterStart + (long) end * rowElements,
                        4L * (end - first) * rowElements));
                first = end;
            }
            parameterStart = nextParameter;
        }
        return ranges;
    }
}
