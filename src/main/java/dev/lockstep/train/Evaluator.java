package dev.lockstep.train;

import dev.lockstep.comm.Communicator;
import dev.lockstep.data.DataLoader;
import dev.lockstep.data.Dataset;
import dev.lockstep.data.EvaluationSampler;
import dev.lockstep.data.Targets;
import dev.lockstep.device.Device;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import dev.lockstep.job.Job;
import dev.lockstep.nn.Binding;
import dev.lockstep.nn.BoundModule;
import dev.lockstep.nn.Loss;
import dev.lockstep.nn.Module;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.Workspace;

/**
 * A job's loss and metrics of a model on a data set: the samples are dealt out to the ranks without padding, so each is
 * counted once.
 */
final class Evaluator {
    private record EvaluationStep(DataLoader.Batch batch, BoundModule model, Operation loss) {
    }

    /** Sees what the model gives, a few samples of each rank at a time. */
    @FunctionalInterface
    interface Spectator {
        /**
         * Called on all ranks as often as on any.
         *
         * @param samples of this rank, none where it is through with them; overwritten in the next call
         * @param first   where in this rank's order these samples stand
         */
        void evaluated(EvaluatedSamples samples, int first);
    }

    private final Communicator communicator;
    private final Stream stream;
    private final Loss loss;
    private final EvaluationSums sums;
    private final int[] indices;
    /** Of any rank. */
    private final int mostSamples;
    /** Of the rank that has most. */
    private final int batchSize;
    private final EvaluationStep full;
    private final EvaluationStep last;
    private final boolean labelled;
    /** Null until the outputs are wanted. */
    private EvaluatedSamples evaluated;

    Evaluator(Device device, Communicator communicator, Job job, Module model, ParameterArena arena, ModelBuffers buffers,
            Dataset dataset, int largestBatch) {
        this.communicator = communicator;
        stream = device.computeStream();
        loss = Losses.build(job.loss(), device);
        int ranks = communicator.size();
        mostSamples = (dataset.samples() - 1) / ranks + 1;
        indices = EvaluationSampler.indices(dataset.samples(), ranks, communicator.rank());
        batchSize = Math.min(largestBatch, mostSamples);
        labelled = dataset.targets() instanceof Targets.Labels;
        int ownBatch = Math.max(1, Math.min(batchSize, indices.length));
        DataLoader loader = new DataLoader(device, dataset, ownBatch);
        Workspace workspace = new Workspace(device);
        Binding binding = Binding.forEvaluation(device, workspace, arena).with(buffers);
        full = step(loader, workspace, binding, model, ownBatch);
        int rest = indices.length % ownBatch;
        last = rest == 0 ? full : step(loader, workspace, binding, model, rest);
        sums = new EvaluationSums(job.metrics(), full.model.output().columns());
    }

    private EvaluationStep step(DataLoader loader, Workspace workspace, Binding binding, Module model, int size) {
        workspace.rewind();
        DataLoader.Batch batch = loader.batch(size);
        BoundModule bound = model.bind(binding, batch.features(), null);
        return new EvaluationStep(batch, bound, loss.bind(bound, batch.targets(), size, 1));
    }

    /** Collective. */
    Evaluation evaluate() {
        return evaluate((samples, first) -> { }, sums.needOutputs());
    }

    /** As above, before a spectator. Collective. */
    Evaluation evaluate(Spectator spectator) {
        return evaluate(spectator, true);
    }

    /** The data set's index of the sample that stands at {@code position} in this rank's order. */
    int index(int position) {
        return indices[position];
    }

    private Evaluation evaluate(Spectator spectator, boolean readOutputs) {
        loss.reset(stream);
        sums.clear();
        for (int first = 0; first < mostSamples; first += batchSize) {
            int size = Math.max(0, Math.min(batchSize, indices.length - first));
            EvaluationStep step = size == full.batch.size() ? full : last;
            if (size > 0) {
                step.batch.load(indices, first, stream);
                step.model.forward(stream);
                step.loss.enqueue(stream);
            }
            if (readOutputs) {
                read(step, first, size, spectator);
            }
        }
        return sums.total(communicator, loss, stream);
    }

    private void read(EvaluationStep step, int first, int size, Spectator spectator) {
        if (evaluated == null) {
            evaluated = new EvaluatedSamples(batchSize, step.model.output().columns(), labelled);
        }
        int largestSize = Math.min(batchSize, mostSamples - first);
        for (int row = 0; row < largestSize; row += evaluated.capacity()) {
            evaluated.read(step.model.output(), step.batch.targets(), row,
                    Math.max(0, Math.min(evaluated.capacity(), size - row)), stream);
            sums.add(evaluated);
            spectator.evaluated(evaluated, first + row);
        }
    }
}
