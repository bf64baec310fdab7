package dev.lockstep.train;

import dev.lockstep.comm.Communicator;
import dev.lockstep.ddp.BucketPlan;
import dev.lockstep.ddp.DistributedDataParallel;
import dev.lockstep.ddp.GradientMemory;
import dev.lockstep.device.Device;
import dev.lockstep.job.Job;
import dev.lockstep.nn.Randomness;
import dev.lockstep.nn.Sequential;
import dev.lockstep.optim.GradientClipping;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.optim.Schedule;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.ParameterShape;
import java.nio.file.Path;
import java.util.List;

/** A rank's copy of the model, and what keeps it the same as the others': the optimizer, and the gradients' sums. */
public final class Replica {
    private final Device device;
    private final Communicator communicator;
    private final Sequential model;
    private final ParameterArena arena;
    private final GradientMemory gradients;
    private final ModelBuffers buffers;
    private final Randomness randomness;
    private final BucketPlan plan;
    private final Schedule schedule;
    private final Optimizer optimizer;
    private final DistributedDataParallel ddp;

    /**
     * With rank 0's initial parameters. Collective.
     *
     * @param features    columns of the input
     * @param stepsBefore done by the run that this one goes on from
     * @param agreement   what else the ranks are to agree on, before they go on
     * @throws dev.lockstep.InvalidInputException if the ranks do not agree
     */
    Replica(Job job, int features, long stepsBefore, Device device, Communicator communicator, StartupAgreement agreement) {
        this.device = device;
        this.communicator = communicator;
        int ranks = communicator.size();
        model = Models.build(job.model(), features);
        List<ParameterShape> shapes = model.parameterShapes();
        gradients = GradientMemory.allocate(device, communicator, job.distributed().sharedMemory(),
                ParameterArena.elementCount(shapes));
        arena = new ParameterArena(device, shapes, gradients.buffer());
        buffers = new ModelBuffers(device, model.bufferShapes());
        randomness = new Randomness(device, job.seed(), communicator.rank());
        randomness.setSteps(stepsBefore);
        // With one rank there is nothing to send, and gradients are computed as whole as a view of memory can be.
        plan = BucketPlan.of(arena.backwardOrder().stream().map(Parameter::shape).toList(),
                job.distributed().firstBucketBytes(), job.distributed().bucketBytes(),
                ranks == 1 ? Long.MAX_VALUE : job.distributed().chunkBytes());
        agreement.with("bucket plan", plan.buckets().toString() + plan.chunks()).check(communicator);

        schedule = Optimizers.schedule(job.schedule(), ranks);
        optimizer = Optimizers.build(job, device, arena, schedule);
        GradientClipping clipping = new GradientClipping(device, arena, job.train().clipNorm(), job.train().clipValue(),
                plan.chunks().size());
        ddp = new DistributedDataParallel(device, arena, gradients, communicator, plan, job.distributed().overlap(),
                clipping.isOn() ? new ClippedUpdate(clipping, optimizer) : optimizer::bind);
        model.initialize(new Mt19937(job.seed()), arena::parameter);
        ddp.broadcastParameters(device.computeStream());
    }

    /**
     * Overwrites this rank's parameters and buffers with those of a safetensors file.
     *
     * @throws dev.lockstep.InvalidInputException if it holds other names or shapes than the model has
     */
    public void readModel(Path file) {
        SafetensorsReader.open(file).readInto(NamedTensor.model(arena, buffers));
    }

    /**
     * Gives every rank what rank 0 has read into {@link #parameters}, {@link #buffers} and the optimizer's state.
     * Collective.
     *
     * @param optimizerSteps that the state comes from
     */
    public void shareFromRank0(long optimizerSteps) {
        ddp.broadcastParameters(device.computeStream());
        shareBuffers();
        optimizer.state().values().forEach(state -> DistributedDataParallel.broadcast(communicator, state));
        optimizer.setSteps(optimizerSteps);
    }

    /** Gives every rank rank 0's buffers. Collective. */
    void shareBuffers() {
        DistributedDataParallel.broadcast(communicator, buffers);
    }

    public long parameterCount() {
        return arena.modelOrder().stream().mapToLong(parameter -> parameter.shape().elementCount()).sum();
    }

    public Device device() {
        return device;
    }

    Sequential model() {
        return model;
    }

    public ParameterArena parameters() {
        return arena;
    }

    public GradientMemory gradients() {
        return gradients;
    }

    /** This rank's; rank 0's are the model's. */
    public ModelBuffers buffers() {
        return buffers;
    }

    Randomness randomness() {
        return randomness;
    }

    public BucketPlan plan() {
        return plan;
    }

    Schedule schedule() {
        return schedule;
    }

    public Optimizer optimizer() {
        return optimizer;
    }

    /** As {@link DistributedDataParallel#sumsWithinSteps}. */
    public boolean sumsWithinSteps() {
        return ddp.sumsWithinSteps();
    }

    DistributedDataParallel ddp() {
        return ddp;
    }
}
