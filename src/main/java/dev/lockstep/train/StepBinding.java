package dev.lockstep.train;

import dev.lockstep.data.DataLoader;
import dev.lockstep.ddp.DistributedDataParallel;
import dev.lockstep.device.Device;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Timeline;
import dev.lockstep.device.Timeline.Phase;
import dev.lockstep.nn.Binding;
import dev.lockstep.nn.BoundModule;
import dev.lockstep.nn.Loss;
import dev.lockstep.nn.Randomness;
import dev.lockstep.nn.Sequential;
import dev.lockstep.tensor.Workspace;
import dev.lockstep.train.TrainingStep.MicroBatch;
import java.util.HashMap;
import java.util.Map;

/** Makes training steps ready. They share activations, and the loader's buffers: the largest is to be the first. */
final class StepBinding {
    private final Replica replica;
    private final Loss loss;
    private final DataLoader loader;
    private final int ranks;
    private final int batchSize;
    private final Workspace workspace;
    private final Map<Integer, DataLoader.Batch> batches = new HashMap<>();

    /** @param batchSize samples of a full micro-batch */
    StepBinding(Replica replica, Loss loss, DataLoader loader, int ranks, int batchSize) {
        this.replica = replica;
        this.loss = loss;
        this.loader = loader;
        this.ranks = ranks;
        this.batchSize = batchSize;
        workspace = new Workspace(replica.device());
    }

    /** Of full micro-batches and, where these do not divide {@code samples}, a short one behind them. */
    TrainingStep bind(int samples) {
        MicroBatch[] microBatches = new MicroBatch[(samples - 1) / batchSize + 1];
        int last = microBatches.length - 1;
        for (int i = 0; i <= last; i++) {
            int size = Math.min(batchSize, samples - i * batchSize);
            // Those between the first, which overwrites, and the last, which sends, are the same work.
            microBatches[i] = i > 1 && i < last ? microBatches[1] : bind(size, samples, i > 0, i == last);
        }
        return new TrainingStep(microBatches);
    }

    private MicroBatch bind(int size, int stepSamples, boolean accumulates, boolean sends) {
        Device device = replica.device();
        Sequential model = replica.model();
        Randomness randomness = replica.randomness();
        DistributedDataParallel ddp = replica.ddp();
        workspace.rewind();
        Timeline timeline = new Timeline(device);
        DataLoader.Batch batch = batches.computeIfAbsent(size, loader::batch);
        Operation gather = timeline.timed(Phase.DATA, "gather", 0, batch::gather);
        JobChecks.checkBatch(model, ranks, size);
        Binding binding = Binding.forTraining(device, workspace, replica.parameters(), ddp, timeline)
                .with(replica.buffers()).with(randomness, ddp);
        Operation count = accumulates ? randomness.nextMicroBatch() : randomness.nextStep();
        BoundModule bound = model.bind(accumulates ? binding.accumulating() : binding, batch.features(), null);
        Operation boundLoss = timeline.timed(Phase.FORWARD, "loss", 0, loss.bind(bound, batch.targets(), stepSamples, ranks));
        Operation forward = on -> {
            count.enqueue(on);
            gather.enqueue(on);
            bound.forward(on);
            boundLoss.enqueue(on);
        };
        return new MicroBatch(batch, sends ? ddp.bind(forward, bound, timeline) : ddp.bindNoSync(forward, bound, timeline),
                timeline);
    }
}
