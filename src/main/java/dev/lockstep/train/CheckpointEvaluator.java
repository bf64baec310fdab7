package dev.lockstep.train;

import dev.lockstep.comm.Communicator;
import dev.lockstep.data.Dataset;
import dev.lockstep.data.Targets;
import dev.lockstep.ddp.DistributedDataParallel;
import dev.lockstep.device.Device;
import dev.lockstep.job.Job;
import dev.lockstep.nn.Sequential;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.tensor.ParameterArena;
import java.util.Optional;

/** Evaluates a checkpoint's model, read by rank 0, on all ranks. */
public final class CheckpointEvaluator {
    private final Device device;
    private final Communicator communicator;
    private final ParameterArena arena;
    private final ModelBuffers buffers;
    private final Evaluator evaluator;
    private final boolean labelled;
    private final int outputs;

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
        evaluator = new Evaluator(device, communicator, job, model, arena, buffers, data,
                MemoryEstimate.evaluationBatch(job, communicator.size()));
        labelled = data.targets() instanceof Targets.Labels;
        outputs = model.outputFeatures(data.features().columns());
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
        share();
        return evaluator.evaluate();
    }

    /**
     * As above, with what is predicted of each sample written down. Collective.
     *
     * @param file on rank 0
     */
    public Evaluation evaluate(Optional<PredictionsFile> file) {
        share();
        Evaluation evaluation = evaluator.evaluate(new Predictions(communicator, evaluator, file, labelled, outputs));
        file.ifPresent(PredictionsFile::finish);
        return evaluation;
    }

    private void share() {
        DistributedDataParallel.broadcast(communicator, arena.values());
        DistributedDataParallel.broadcast(communicator, buffers);
        arena.convert(device.computeStream());
    }
}
