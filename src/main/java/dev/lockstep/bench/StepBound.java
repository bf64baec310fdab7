package dev.lockstep.bench;

import dev.lockstep.ddp.BucketPlan;
import dev.lockstep.tensor.ParameterShape;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The least that a measured step could take: its own operations and chunks in {@link Schedule}'s order. Pure. */
public final class StepBound {
    private static final Pattern WEIGHT_ROWS = Pattern.compile("(.*)\\.backward\\.weight rows [0-9]+-([0-9]+)");
    private static final String OPTIMIZER = "optimizer";

    private StepBound() {
    }

    /**
     * The schedule of a step with overlap.
     *
     * @param measured without overlap, where nothing runs beside an operation
     * @throws IllegalArgumentException if its operations were not timed
     */
    public static Schedule.Result of(StepResult measured) {
        List<StepResult.Operation> computing = measured.operations().stream()
                .filter(operation -> !operation.phase().equals(OPTIMIZER)).toList();
        List<StepResult.Operation> optimizer = measured.operations().stream()
                .filter(operation -> operation.phase().equals(OPTIMIZER)).toList();
        double[] seconds = computing.stream().mapToDouble(StepResult.Operation::seconds).toArray();
        if (seconds.length == 0) {
            throw new IllegalArgumentException("a step whose operations were not timed");
        }
        if (measured.ranks() == 1) {
            double[] all = measured.operations().stream().mapToDouble(StepResult.Operation::seconds).toArray();
            return Schedule.overlapped(all, List.of());
        }
        BucketPlan plan = BucketPlan.of(measured.backwardOrder(), measured.firstBucketBytes(), measured.bucketBytes(),
                measured.chunkBytes());
        int[] readyAfter = readyAfter(plan, measured.backwardOrder(),
                computing.stream().map(StepResult.Operation::name).toList());
        // The first of them follow each chunk's own sum: the updates, or with clipping by norm what they hang on. The rest
        // then follows the last one.
        List<Schedule.Chunk> chunks = new ArrayList<>();
        for (int i = 0; i < readyAfter.length; i++) {
            chunks.add(new Schedule.Chunk(readyAfter[i], measured.chunkSeconds()[i], optimizer.get(i).seconds(), 0));
        }
        double rest = optimizer.stream().skip(readyAfter.length).mapToDouble(StepResult.Operation::seconds).sum();
        return Schedule.overlapped(seconds, chunks).plus(rest);
    }

    /**
     * By chunk, the index of the operation that completes it. A weight's gradient is complete up to a row with the operation
     * that computes that row; a bias's, wherever it is computed, before its layer's weight gradient is begun.
     *
     * @param operations names in order, as {@code "2.backward.weight rows 0-1024"}
     */
    static int[] readyAfter(BucketPlan plan, List<ParameterShape> backwardOrder, List<String> operations) {
        int[] readyAfter = new int[plan.chunks().size()];
        int last = 0;
        for (int i = 0; i < readyAfter.length; i++) {
            BucketPlan.Chunk chunk = plan.chunks().get(i);
            ParameterShape parameter = backwardOrder.get(chunk.lastParameter());
            String layer = parameter.name().substring(0, parameter.name().lastIndexOf('.'));
            int rows = parameter.isMatrix() ? chunk.rows() : 0;
            int writer = firstWriter(operations, layer, rows);
            last = Math.max(last, parameter.isMatrix() ? writer : writer - 1);
            readyAfter[i] = last;
        }
        return readyAfter;
    }

    /**
     * The first operation that leaves at least so many rows of the layer's weight gradient complete; where gradients are
     * accumulated, the first of the last micro-batch.
     */
    private static int firstWriter(List<String> operations, String layer, int rows) {
        int writer = -1;
        int end = Integer.MAX_VALUE;
        for (int i = operations.size() - 1; i >= 0; i--) {
            Matcher matcher = WEIGHT_ROWS.matcher(operations.get(i));
            if (matcher.matches() && matcher.group(1).equals(layer)) {
                int before = Integer.parseInt(matcher.group(2));
                // Going back, rows only become more where the micro-batch before begins.
                if (before < rows || before >= end) {
                    break;
                }
                writer = i;
                end = before;
            }
        }
        if (writer < 0) {
            throw new IllegalArgumentException("no operation writes row " + rows + " of the weight gradient of layer "
                    + layer);
        }
        return writer;
    }
}
