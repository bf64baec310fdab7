package dev.lockstep.ddp;

import dev.lockstep.comm.Communicator;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LossStatistics;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import dev.lockstep.device.Timeline;
import dev.lockstep.nn.Binding;
import dev.lockstep.nn.BoundModule;
import dev.lockstep.nn.CrossEntropyLoss;
import dev.lockstep.nn.Randomness;
import dev.lockstep.nn.Sequential;
import dev.lockstep.optim.Sgd;
import dev.lockstep.optim.SgdSettings;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.Workspace;
import java.util.Arrays;

/** One rank's model, optimizer and DistributedDataParallel, put together as the trainer does. */
final class Replica {
    /** The plan's limits and aim, in bytes. */
    record Sizes(long firstBucket, long bucket, long chunk) {
        static final Sizes UNLIMITED = new Sizes(Long.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE);
    }

    private static final int SEED = 3;

    final ParameterArena arena;
    final ModelBuffers buffers;
    final BucketPlan plan;
    final DistributedDataParallel ddp;
    private final Communicator communicator;
    private final Stream stream;
    private final Sgd sgd;
    private final CrossEntropyLoss loss;
    private final Batch[] batches;

    /** A batch size's buffers and what is bound to them. */
    private record Batch(Matrix features, DeviceBuffer labels, Operation step) {
    }

    /** @param batchSizes the largest first */
    Replica(Device device, Communicator communicator, Sequential model, int in, SgdSettings settings, Sizes sizes,
            boolean overlap, int... batchSizes) {
        this.communicator = communicator;
        stream = device.computeStream();
        arena = new ParameterArena(device, model.parameterShapes(), true);
        buffers = new ModelBuffers(device, model.bufferShapes());
        plan = BucketPlan.of(arena.backwardOrder().stream().map(Parameter::shape).toList(), sizes.firstBucket,
                sizes.bucket, sizes.chunk);
        sgd = new Sgd(device, arena, settings);
        ddp = new DistributedDataParallel(device, arena, communicator, plan, overlap, sgd::bind);
        loss = new CrossEntropyLoss(device);
        Workspace workspace = new Workspace(device);
        Randomness randomness = new Randomness(device, SEED, communicator.rank());
        batches = Arrays.stream(batchSizes).mapToObj(size -> {
            workspace.rewind();
            Matrix features = Matrix.allocate(device, DataType.FLOAT32, size, in);
            DeviceBuffer labels = device.allocate(DataType.INT32, size);
            Timeline timeline = new Timeline(device);
            timeline.setOn(features.data().isHostAccessible());
            BoundModule bound = model.bind(Binding.forTraining(device, workspace, arena, ddp, timeline).with(buffers)
                    .with(randomness, ddp), features, null);
            Operation nextStep = randomness.nextStep();
            Operation boundLoss = loss.bind(bound, labels, size, communicator.size());
            return new Batch(features, labels, ddp.bind(on -> {
                nextStep.enqueue(on);
                bound.forward(on);
                boundLoss.enqueue(on);
            }, bound, timeline));
        }).toArray(Batch[]::new);
        model.initialize(new Mt19937(SEED), arena::parameter);
    }

    /** Loads this rank's part of a global batch: every n-th sample of n ranks. */
    void load(int batch, double[] features, int[] labels) {
        int in = batches[batch].features.columns();
        int size = batches[batch].features.rows();
        double[] ownFeatures = new double[size * in];
        double[] ownLabels = new double[size];
        for (int i = 0; i < size; i++) {
            int sample = i * communicator.size() + communicator.rank();
            System.arraycopy(features, sample * in, ownFeatures, i * in, in);
            ownLabels[i] = labels[sample];
        }
        Buffers.write(batches[batch].features.data(), ownFeatures);
        Buffers.write(batches[batch].labels, ownLabels);
    }

    /** A training step on what is loaded; this rank's mean loss before the update. */
    double step(int batch) {
        sgd.beginStep();
        batches[batch].step.enqueue(stream);
        return loss.read(stream, LossStatistics.BATCH_MEAN);
    }

    /** The outputs of a model in evaluation for some samples. */
    double[] evaluate(Device device, Sequential model, int in, double[] features) {
        Matrix samples = Buffers.matrix(device, DataType.FLOAT32, features.length / in, in, features);
        BoundModule bound = model.bind(Binding.forEvaluation(device, new Workspace(device), arena).with(buffers), samples,
                null);
        bound.forward(stream);
        stream.synchronize();
        return Buffers.read(bound.output().data());
    }

    double[] parameters() {
        stream.synchronize();
        return Buffers.read(arena.values());
    }
}
