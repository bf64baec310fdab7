package dev.lockstep.ddp;

import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.ParameterShape;
import java.util.ArrayList;
import java.util.List;

/**
 * How the gradient arena is divided for reduction. Buckets follow PyTorch's greedy rule: parameters in backward order,
 * a bucket closing when its size reaches the limit. Each bucket is sent in chunks that end at rows of its weights, so
 * that a chunk goes out as soon as these rows of the gradient exist. Buckets and chunks are contiguous ranges of the
 * arena, in order and without gaps between them. Pure: the same on every rank.
 *
 * @param rowEnds by parameter in backward order, the ascending ends of the row ranges to compute its gradient in
 */
public record BucketPlan(List<Bucket> buckets, List<Chunk> chunks, List<int[]> rowEnds) {
    /**
     * Row ranges are a multiple of so many rows where a chunk holds that many: matrix kernels work in blocks of rows.
     */
    private static final int ROW_BLOCK = 16;
    /** A host view holds less than 2 GiB. */
    private static final long MAX_CHUNK_BYTES = 1L << 30;

    /** A range of the arena; parameters by position in backward order. */
    public record Bucket(int firstParameter, int parameterCount, long firstElement, long elementCount) {
        public long bytes() {
            return elementCount * Float.BYTES;
        }
    }

    /** What is sent at once: complete when {@code rows} rows of {@code lastParameter}, and all before it, are. */
    public record Chunk(int bucket, long firstElement, long elementCount, int lastParameter, int rows) {
        public long bytes() {
            return elementCount * Float.BYTES;
        }
    }

    public BucketPlan {
        buckets = List.copyOf(buckets);
        chunks = List.copyOf(chunks);
        rowEnds = List.copyOf(rowEnds);
    }

    /**
     * @param backwardOrder    the parameters in backward order
     * @param firstBucketBytes limit of the first bucket, at least 1
     * @param bucketBytes      limit of the others, at least 1
     * @param chunkBytes       aim for the size of a chunk, at least 1; more than 1 GiB counts as that; one row is never
     *                         divided
     */
    public static BucketPlan of(List<ParameterShape> backwardOrder, long firstBucketBytes, long bucketBytes,
            long chunkBytes) {
        if (backwardOrder.isEmpty() || firstBucketBytes < 1 || bucketBytes < 1 || chunkBytes < 1) {
            throw new IllegalArgumentException("a plan for " + backwardOrder.size() + " parameters with buckets of "
                    + firstBucketBytes + " and " + bucketBytes + " bytes and chunks of " + chunkBytes + " bytes");
        }
        long aimBytes = Math.min(chunkBytes, MAX_CHUNK_BYTES);
        List<int[]> rowEnds = backwardOrder.stream().map(shape -> rowEnds(shape, aimBytes)).toList();
        List<Bucket> buckets = new ArrayList<>();
        List<Chunk> chunks = new ArrayList<>();
        long bucketStart = 0;
        int firstParameter = 0;
        long gradientBytes = 0;
        long end = 0;
        for (int i = 0; i < backwardOrder.size(); i++) {
            ParameterShape shape = backwardOrder.get(i);
            gradientBytes += shape.elementCount() * Float.BYTES;
            end += ParameterArena.aligned(shape.elementCount());
            long limit = buckets.isEmpty() ? firstBucketBytes : bucketBytes;
            if (gradientBytes >= limit || i == backwardOrder.size() - 1) {
                Bucket bucket = new Bucket(firstParameter, i + 1 - firstParameter, bucketStart, end - bucketStart);
                addChunks(chunks, buckets.size(), bucket, backwardOrder, rowEnds, aimBytes);
                buckets.add(bucket);
                bucketStart = end;
                firstParameter = i + 1;
                gradientBytes = 0;
            }
        }
        return new BucketPlan(buckets, chunks, rowEnds);
    }

    /** The index of the bucket that holds a parameter, given by its position in backward order. */
    public int bucketOf(int parameter) {
        int bucket = 0;
        while (parameter >= buckets.get(bucket).firstParameter() + buckets.get(bucket).parameterCount()) {
            bucket++;
        }
        return bucket;
    }

    /** As few ranges of rows as can be, near-equal, none larger than {@code chunkBytes} unless a single row is. */
    private static int[] rowEnds(ParameterShape shape, long chunkBytes) {
        long rowBytes = (long) shape.rowElements() * Float.BYTES;
        long rowsThatFit = Math.max(1, chunkBytes / rowBytes);
        if (rowsThatFit >= shape.rows()) {
            return new int[] {shape.rows()};
        }
        long block = rowsThatFit >= ROW_BLOCK ? ROW_BLOCK : 1;
        long rangeCount = ceilDivide(shape.rows(), rowsThatFit / block * block);
        long rows = ceilDivide(ceilDivide(shape.rows(), rangeCount), block) * block;
        int[] ends = new int[(int) ceilDivide(shape.rows(), rows)];
        for (int i = 0; i < ends.length; i++) {
            ends[i] = (int) Math.min((i + 1) * rows, shape.rows());
        }
        return ends;
    }

    private static long ceilDivide(long dividend, long divisor) {
        return (dividend + divisor - 1) / divisor;
    }

    /** Collects row ranges until the next one would make the chunk larger than its aim. */
    private static void addChunks(List<Chunk> chunks, int bucketIndex, Bucket bucket, List<ParameterShape> shapes,
            List<int[]> rowEnds, long chunkBytes) {
        long start = bucket.firstElement();
        long parameterStart = bucket.firstElement();
        long end = start;
        int lastParameter = -1;
        int rows = 0;
        for (int p = bucket.firstParameter(); p < bucket.firstParameter() + bucket.parameterCount(); p++) {
            ParameterShape shape = shapes.get(p);
            long parameterEnd = parameterStart + ParameterArena.aligned(shape.elementCount());
            for (int rowEnd : rowEnds.get(p)) {
                long rangeEnd = rowEnd == shape.rows() ? parameterEnd
                        : parameterStart + (long) rowEnd * shape.rowElements();
                if (end > start && (rangeEnd - start) * Float.BYTES > chunkBytes) {
                    chunks.add(new Chunk(bucketIndex, start, end - start, lastParameter, rows));
                    start = end;
                }
                end = rangeEnd;
                lastParameter = p;
                rows = rowEnd;
            }
            parameterStart = parameterEnd;
        }
        chunks.add(new Chunk(bucketIndex, start, end - start, lastParameter, rows));
    }
}
