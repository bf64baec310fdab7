package dev.lockstep.train;

import dev.lockstep.comm.Communicator;
import dev.lockstep.data.Dataset;
import dev.lockstep.ddp.DistributedDataParallel;
import dev.lockstep.device.Device;
import dev.lockstep.job.Job;
import dev.lockstep.nn.Sequential;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.tensor.ParameterArena;

/** Evaluates a checkpoint's model, read by rank 0, on all ranks. */
public final class CheckpointEvaluator {
    private final Device device;
    private final Communicator communicator;
    private final ParameterArena arena;
    private final ModelBuffers buffers;
    private final Evaluator evaluator;

    /**
     * Collective.
     *
     * @param job says the model and the batch
     * @throws dev.lockstep.InvalidInputException if the classes of the model's custom modules differ over the ranks
     */
    public CheckpointEvaluator(Device device, Communicator communicator, Job job, Dataset data) {
        this.device = device;
        this.communicator = communicator;
        Sequential model = Models.build(job.model(), data.features().columns());
        new StartupAgreement().withAll(CustomModules.code(job)).check(communicator);
        arena = new ParameterArena(device, model.parameterShapes(), false);
        buffers = new ModelBuffers(device, model.bufferShapes());
        evaluator = new Evaluator(device, communicator, model, arena, buffers, data,
                MemoryEstimate.evaluationBatch(job, communicator.size()));
    }

    /**
     * On rank 0 alone.
     *
     * @throws dev.lockstep.InvalidInputException if the job has another model than the checkpoint
     */
    public void read(Checkpoint checkpoint) {
        checkpoint.readModel(arena, buffers);
    }

    /** Collective. */
    public Evaluation evaluate() {
        DistributedDataParallel.broadcast(communicator, arena.values());
        DistributedDataParallel.broadcast(communicator, buffers);
        arena.convert(device.computeStream());
        return evaluator.evaluate();
    }
}
