package dev.lockstep.ddp;

import dev.lockstep.comm.Communicator;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import dev.lockstep.nn.Binding;
import dev.lockstep.nn.BoundModule;
import dev.lockstep.nn.GradientListener;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;

/**
 * Keeps the replicas of a model in step: sums the gradients over all ranks, chunk by chunk while backward computes the
 * next ones, and once backward is done updates each chunk's parameters as soon as its sum is there. Used by the training thread.
 *
 * <p>The loss gradient is expected to carry the factor 1/ranks (see CrossEntropyLoss), so that the sum is the average.
 */
public final class DistributedDataParallel implements GradientListener, Binding.RowSplit {
    /** Parameters travel in pieces of at most so many bytes at the start: a host view is limited to 2 GiB. */
    private static final long BROADCAST_BYTES = 1L << 28;

    private final ParameterArena arena;
    private final Communicator communicator;
    private final BucketPlan plan;
    private final GradientChunk[] chunks;
    private final Operation[] updates;
    private final int[] readyRows;
    private final boolean overlap;
    /** The next chunk to become ready. */
    private int nextChunk;
    private long step;

    /**
     * @param plan   for the arena's parameters in backward order
     * @param update prepares the optimizer's update of a range of the arena, given its first element and length
     */
    public DistributedDataParallel(ParameterArena arena, Communicator communicator, BucketPlan plan, boolean overlap,
            BiFunction<Long, Long, Operation> update) {
        this.arena = arena;
        this.communicator = communicator;
        this.plan = plan;
        List<BucketPlan.Chunk> planned = plan.chunks();
        chunks = new GradientChunk[planned.size()];
        updates = new Operation[planned.size()];
        for (int i = 0; i < chunks.length; i++) {
            BucketPlan.Chunk chunk = planned.get(i);
            DeviceBuffer range = arena.gradients().slice(chunk.firstElement(), chunk.elementCount());
            String name = "rank " + communicator.rank() + ": the chunk of bucket " + chunk.bucket() + " up to row "
                    + chunk.rows() + " of " + arena.backwardOrder().get(chunk.lastParameter()).name();
            chunks[i] = new GradientChunk(chunk, communicator.prepareAllReduce(range.hostView()), name);
            updates[i] = update.apply(chunk.firstElement(), chunk.elementCount());
        }
        readyRows = new int[arena.backwardOrder().size()];
        // With a single chunk there is nothing to overlap with, and the hand-over would only cost.
        this.overlap = overlap && chunks.length > 1 && communicator.size() > 1;
    }

    /** Gives every rank rank 0's parameters. Collective. */
    public void broadcastParameters() {
        DeviceBuffer values = arena.values();
        long pieceElements = BROADCAST_BYTES / Float.BYTES;
        for (long first = 0; first < values.elementCount(); first += pieceElements) {
            long count = Math.min(pieceElements, values.elementCount() - first);
            communicator.broadcast(values.slice(first, count).hostView(), 0);
        }
    }

    /** Whether reductions run beside backward. */
    public boolean overlaps() {
        return overlap;
    }

    @Override
    public int[] rowEnds(Parameter parameter) {
        return plan.rowEnds().get(parameter.index());
    }

    /**
     * Backward of {@code model}, the reduction of its gradients over all ranks, and the update of its parameters.
     *
     * @throws IllegalStateException if backward leaves out or repeats a gradient
     */
    public void backwardAndUpdate(BoundModule model, Stream stream) {
        step++;
        nextChunk = 0;
        Arrays.fill(readyRows, 0);
        for (GradientChunk chunk : chunks) {
            chunk.beginStep(step);
        }
        model.backward(stream, this);
        if (nextChunk < chunks.length) {
            throw new IllegalStateException("rank " + communicator.rank() + ", step " + step
                    + ": backward did not write the gradient of " + firstMissing() + " (bucket "
                    + chunks[nextChunk].plan().bucket() + ")");
        }
        for (int i = 0; i < chunks.length; i++) {
            if (overlap) {
                chunks[i].await();
            } else {
                stream.synchronize();
                chunks[i].reduce();
            }
            updates[i].enqueue(stream);
        }
    }

    @Override
    public void gradientReady(Parameter parameter, int rows) {
        if (rows <= readyRows[parameter.index()] || rows > parameter.shape().rows()) {
            throw new IllegalStateException("rank " + communicator.rank() + ", step " + step + ": backward reports "
                    + rows + " rows of the gradient of " + parameter.name() + " (bucket "
                    + plan.bucketOf(parameter.index()) + ") after " + readyRows[parameter.index()] + " of "
                    + parameter.shape().rows());
        }
        readyRows[parameter.index()] = rows;
        while (nextChunk < chunks.length && isComplete(chunks[nextChunk].plan())) {
            chunks[nextChunk].ready();
            if (overlap) {
                chunks[nextChunk].start();
            }
            nextChunk++;
        }
    }

    /** Whether all that the chunk holds is written; the chunks before it are known to be. */
    private boolean isComplete(BucketPlan.Chunk chunk) {
        int first = nextChunk == 0 ? 0 : chunks[nextChunk - 1].plan().lastParameter();
        for (int p = first; p < chunk.lastParameter(); p++) {
            if (readyRows[p] < arena.backwardOrder().get(p).shape().rows()) {
                return false;
            }
        }
        return readyRows[chunk.lastParameter()] >= chunk.rows();
    }

    private String firstMissing() {
        for (Parameter parameter : arena.backwardOrder()) {
            if (readyRows[parameter.index()] < parameter.shape().rows()) {
                return parameter.name();
            }
        }
        return "no parameter";
    }
}
