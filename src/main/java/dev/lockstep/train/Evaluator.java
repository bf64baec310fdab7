package dev.lockstep.train;

import dev.lockstep.comm.Communicator;
import dev.lockstep.data.DataLoader;
import dev.lockstep.data.Dataset;
import dev.lockstep.data.EvaluationSampler;
import dev.lockstep.device.Device;
import dev.lockstep.device.LossStatistics;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import dev.lockstep.nn.Binding;
import dev.lockstep.nn.BoundModule;
import dev.lockstep.nn.CrossEntropyLoss;
import dev.lockstep.nn.Module;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.Workspace;

/**
 * Loss and accuracy of a model on a data set: the samples are dealt out to the ranks without padding, so each is
 * counted once.
 */
final class Evaluator {
    private record EvaluationStep(DataLoader.Batch batch, BoundModule model, Operation loss) {
    }

    private final Communicator communicator;
    private final Stream stream;
    private final CrossEntropyLoss loss;
    private final int[] indices;
    private final int batchSize;
    private final EvaluationStep full;
    private final EvaluationStep last;

    Evaluator(Device device, Communicator communicator, Module model, ParameterArena arena, ModelBuffers buffers,
            Dataset dataset, int largestBatch) {
        this.communicator = communicator;
        stream = device.computeStream();
        loss = new CrossEntropyLoss(device);
        indices = EvaluationSampler.indices(dataset.samples(), communicator.size(), communicator.rank());
        batchSize = Math.max(1, Math.min(largestBatch, indices.length));
        DataLoader loader = new DataLoader(device, dataset, batchSize);
        Workspace workspace = new Workspace(device);
        Binding binding = Binding.forEvaluation(device, workspace, arena).with(buffers);
        full = step(loader, workspace, binding, model, batchSize);
        int rest = indices.length % batchSize;
        last = rest == 0 ? full : step(loader, workspace, binding, model, rest);
    }

    private EvaluationStep step(DataLoader loader, Workspace workspace, Binding binding, Module model, int size) {
        workspace.rewind();
        DataLoader.Batch batch = loader.batch(size);
        BoundModule bound = model.bind(binding, batch.features(), null);
        return new EvaluationStep(batch, bound, loss.bind(bound, batch.targets(), size, 1));
    }

    /** Collective. */
    Evaluation evaluate() {
        loss.reset(stream);
        for (int first = 0; first < indices.length; first += batchSize) {
            EvaluationStep step = indices.length - first >= batchSize ? full : last;
            step.batch.load(indices, first, stream);
            step.model.forward(stream);
            step.loss.enqueue(stream);
        }
        double[] sums = {loss.read(stream, LossStatistics.LOSS_SUM), loss.read(stream, LossStatistics.CORRECT),
                loss.read(stream, LossStatistics.SAMPLES)};
        communicator.allReduceSum(sums);
        return new Evaluation(sums[0] / sums[2], sums[1] / sums[2], (long) sums[2]);
    }
}
