package dev.lockstep.ddp;

import dev.lockstep.comm.AllReduce;
import dev.lockstep.comm.Communicator;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import dev.lockstep.device.Timeline;
import dev.lockstep.nn.Binding;
import dev.lockstep.nn.BoundModule;
import dev.lockstep.nn.GradientListener;
import dev.lockstep.nn.RankSums;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;

/**
 * Keeps the replicas of a model in step: sums the gradients over all ranks, chunk by chunk while backward computes the
 * next ones, and once backward is done updates each chunk's parameters as soon as its sum is there, or as what the updates
 * need to know of all sums is. Used by the training thread.
 *
 * <p>The loss gradient is expected to carry the factor 1/ranks (see CrossEntropyLoss), so that the sum is the average.
 */
public final class DistributedDataParallel implements GradientListener, Binding.RowSplit, RankSums {
    /** Parameters travel in pieces of at most so many bytes at the start: a host view is limited to 2 GiB. */
    private static final long BROADCAST_BYTES = 1L << 28;

    private final Device device;
    private final ParameterArena arena;
    private final GradientMemory memory;
    private final Communicator communicator;
    private final BucketPlan plan;
    private final BucketPlan.Chunk[] chunkPlans;
    /** On their way over all ranks; none where this rank is alone. */
    private final GradientChunk[] chunks;
    private final List<ChunkTimes> chunkTimes;
    private final ChunkUpdates updates;
    private final int[] readyRows;
    /** Used by the thread that runs the reductions. */
    private final Stream copyStream;
    private boolean overlap;
    /** Whether modules sum over the ranks in the midst of a step, which no graph of several ranks can hold. */
    private boolean sumsWithinSteps;
    /** While a step's work is recorded, which tells of gradients once and for all. */
    private boolean recording;
    /** Whether the gradients being written are the step's last: those of micro-batches before stay on this rank. */
    private boolean sending = true;
    private Stream backwardStream;
    /** The next chunk to become ready. */
    private int nextChunk;
    private long step;

    /**
     * @param plan   for the arena's parameters in backward order
     * @param update of each chunk, once it is summed
     */
    public DistributedDataParallel(Device device, ParameterArena arena, Communicator communicator, BucketPlan plan,
            boolean overlap, RangeUpdate update) {
        this(device, arena, GradientMemory.of(device, arena.gradients()), communicator, plan, overlap, update);
    }

    /**
     * As above.
     *
     * @param memory of the arena's gradients
     */
    public DistributedDataParallel(Device device, ParameterArena arena, GradientMemory memory, Communicator communicator,
            BucketPlan plan, boolean overlap, RangeUpdate update) {
        this.device = device;
        this.memory = memory;
        this.arena = arena;
        this.communicator = communicator;
        this.plan = plan;
        chunkPlans = plan.chunks().toArray(BucketPlan.Chunk[]::new);
        updates = new ChunkUpdates(update, plan.chunks());
        chunks = communicator.size() == 1 ? new GradientChunk[0] : new GradientChunk[chunkPlans.length];
        copyStream = device.newStream();
        Arrays.setAll(chunks, this::chunk);
        chunkTimes = Arrays.stream(chunks).map(GradientChunk::times).toList();
        setOverlap(overlap);
        readyRows = new int[arena.backwardOrder().size()];
    }

    private GradientChunk chunk(int index) {
        BucketPlan.Chunk chunk = chunkPlans[index];
        StagedGradients gradients = memory.stage(chunk.firstElement(), chunk.elementCount(), copyStream,
                new ChunkTimes("chunk " + index + " of bucket " + chunk.bucket()));
        String name = "bucket " + chunk.bucket() + " up to row " + chunk.rows() + " of "
                + arena.backwardOrder().get(chunk.lastParameter()).name();
        return new GradientChunk(gradients, communicator.prepareAllReduce(name, gradients.host(), gradients),
                "rank " + communicator.rank() + ": the chunk of " + name);
    }

    /** {@inheritDoc} It waits behind the chunks that are on their way. */
    @Override
    public Operation sumOverRanks(String name, DeviceBuffer numbers) {
        sumsWithinSteps = true;
        if (communicator.size() == 1) {
            return RankSums.ALONE.sumOverRanks(name, numbers);
        }
        ByteBuffer host = numbers.isHostAccessible() ? numbers.hostView()
                : device.allocateHost(Math.toIntExact(numbers.byteCount()));
        StagedGradients staged = new StagedGradients(device, numbers, host, copyStream, new ChunkTimes(name));
        AllReduce allReduce = communicator.prepareAllReduceOfDoubles(name, staged.host(), staged);
        return stream -> {
            staged.markWritten(stream);
            allReduce.start();
            allReduce.await();
            staged.waitForSum(stream);
        };
    }

    /** Whether a module sums over the ranks in the midst of forward or backward, or would with several ranks. */
    public boolean sumsWithinSteps() {
        return sumsWithinSteps;
    }

    /** Gives every rank rank 0's parameters. Collective. */
    public void broadcastParameters(Stream stream) {
        broadcast(communicator, arena.values());
        arena.convert(stream);
    }

    /** Gives every rank rank 0's {@code buffers}. Collective. */
    public static void broadcast(Communicator communicator, ModelBuffers buffers) {
        buffers.modelOrder().forEach(buffer -> broadcast(communicator, buffer.values()));
    }

    /** Gives every rank rank 0's {@code values}. Collective. */
    public static void broadcast(Communicator communicator, DeviceBuffer values) {
        int elementBytes = values.type().bytes();
        long pieceElements = Math.min(BROADCAST_BYTES / elementBytes, values.elementCount());
        ByteBuffer staging = values.isHostAccessible() ? null
                : ByteBuffer.allocateDirect(Math.toIntExact(pieceElements * elementBytes)).order(ByteOrder.nativeOrder());
        for (long first = 0; first < values.elementCount(); first += pieceElements) {
            DeviceBuffer piece = values.slice(first, Math.min(pieceElements, values.elementCount() - first));
            if (staging == null) {
                communicator.broadcast(piece.hostView(), 0);
            } else {
                ByteBuffer bytes = staging.slice(0, Math.toIntExact(piece.byteCount())).order(ByteOrder.nativeOrder());
                piece.copyToHost(bytes.clear());
                communicator.broadcast(bytes, 0);
                piece.copyFromHost(bytes.clear());
            }
        }
    }

    /** Whether reductions run beside backward. */
    public boolean overlaps() {
        return overlap;
    }

    /** Whether reductions are to run beside backward from the next step on, where there is something to overlap. */
    public void setOverlap(boolean wanted) {
        // With a single chunk the hand-over would only cost.
        overlap = wanted && chunks.length > 1;
    }

    /** When the chunks of the last step were where, in the order in which they are sent; none where this rank is alone. */
    public List<ChunkTimes> chunkTimes() {
        return chunkTimes;
    }

    @Override
    public int[] rowEnds(Parameter parameter) {
        return plan.rowEnds().get(parameter.index());
    }

    /**
     * Prepares a micro-batch that others of its step follow: {@code forward} and the backward of {@code model}. Nothing is
     * sent, as in DDP's no_sync(): the gradients stay, for those that follow to add theirs.
     *
     * <p>It throws IllegalStateException if backward leaves out or repeats a gradient.
     *
     * @param timeline that forward's and the model's operations are timed on
     */
    public Operation bindNoSync(Operation forward, BoundModule model, Timeline timeline) {
        Operation work = stream -> compute(forward, model, false, stream);
        Computing computing = record(work, timeline, false);
        Operation timed = (computing.recorded ? record(work, timeline, true) : computing).operation;
        return stream -> (timeline.isOn() ? timed : computing.operation).enqueue(stream);
    }

    /**
     * Prepares a training step, or its last micro-batch: {@code forward}, the backward of {@code model}, the reduction of
     * the gradients over all ranks, and the update of the parameters. The operation is to be enqueued on the compute stream
     * by one thread; with more than one rank it returns once the last sum is on its way to the parameters.
     *
     * <p>It throws IllegalStateException if backward leaves out or repeats a gradient.
     *
     * @param timeline that forward's and the model's operations are timed on; the updates will be, too
     */
    public Operation bind(Operation forward, BoundModule model, Timeline timeline) {
        ChunkUpdates timedUpdates = updates.on(timeline);
        Operation work = stream -> {
            compute(forward, model, true, stream);
            if (chunks.length == 0) {
                for (int i = 0; i < chunkPlans.length; i++) {
                    timedUpdates.chunkSummed(i, stream);
                }
            }
        };
        Computing computing = record(work, timeline, false);
        Computing timed = computing.recorded ? record(work, timeline, true) : computing;
        return stream -> step(timeline.isOn() ? timed : computing, timedUpdates, timeline.isOn(), stream);
    }

    /** @param recorded whether the work tells of gradients now, and not each time that it is enqueued */
    private record Computing(Operation operation, boolean recorded) {
    }

    private Computing record(Operation work, Timeline timeline, boolean timed) {
        boolean[] recorded = new boolean[1];
        boolean wasOn = timeline.isOn();
        timeline.setOn(timed);
        recording = true;
        try {
            Operation operation = sumsWithinSteps && communicator.size() > 1 ? work : device.graph(stream -> {
                recorded[0] = recording;
                work.enqueue(stream);
            });
            return new Computing(operation, recorded[0]);
        } finally {
            recording = false;
            timeline.setOn(wasOn);
        }
    }

    private void step(Computing computing, ChunkUpdates timedUpdates, boolean timed, Stream stream) {
        step++;
        for (GradientChunk chunk : chunks) {
            chunk.beginStep(step, timed);
        }
        computing.operation.enqueue(stream);
        if (computing.recorded) {
            for (GradientChunk chunk : chunks) {
                chunkWritten(chunk);
            }
        }
        if (chunks.length > 0) {
            reduceAndUpdate(timedUpdates, stream);
        }
    }

    private void compute(Operation forward, BoundModule model, boolean sends, Stream stream) {
        sending = sends;
        nextChunk = 0;
        Arrays.fill(readyRows, 0);
        backwardStream = stream;
        forward.enqueue(stream);
        model.backward(stream, this);
        if (nextChunk < chunkPlans.length) {
            throw new IllegalStateException(rankAndStep() + ": backward did not write the gradient of " + firstMissing()
                    + " (bucket " + chunkPlans[nextChunk].bucket() + ")");
        }
    }

    private void reduceAndUpdate(ChunkUpdates timedUpdates, Stream stream) {
        if (!overlap) {
            stream.synchronize();
        }
        for (int i = 0; i < chunks.length; i++) {
            if (overlap) {
                chunks[i].await(stream);
            } else {
                chunks[i].reduce(stream);
            }
            timedUpdates.chunkSummed(i, stream);
        }
    }

    /** Its gradients are written by what is enqueued, the mark included. */
    private void chunkWritten(GradientChunk chunk) {
        chunk.ready();
        if (overlap) {
            chunk.start();
        }
    }

    @Override
    public void gradientReady(Parameter parameter, int rows) {
        if (rows <= readyRows[parameter.index()] || rows > parameter.shape().rows()) {
            throw new IllegalStateException(rankAndStep() + ": backward reports " + rows + " rows of the gradient of "
                    + parameter.name() + " (bucket " + plan.bucketOf(parameter.index()) + ") after "
                    + readyRows[parameter.index()] + " of " + parameter.shape().rows());
        }
        readyRows[parameter.index()] = rows;
        while (nextChunk < chunkPlans.length && isComplete(chunkPlans[nextChunk])) {
            if (sending && chunks.length > 0) {
                chunks[nextChunk].markWritten(backwardStream);
                if (!recording) {
                    chunkWritten(chunks[nextChunk]);
                }
            }
            nextChunk++;
        }
    }

    /** Whether all that the chunk holds is written; the chunks before it are known to be. */
    private boolean isComplete(BucketPlan.Chunk chunk) {
        int first = nextChunk == 0 ? 0 : chunkPlans[nextChunk - 1].lastParameter();
        for (int p = first; p < chunk.lastParameter(); p++) {
            if (readyRows[p] < arena.backwardOrder().get(p).shape().rows()) {
                return false;
            }
        }
        return readyRows[chunk.lastParameter()] >= chunk.rows();
    }

    private String rankAndStep() {
        return "rank " + communicator.rank() + ", step " + (sending ? step : step + 1);
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
