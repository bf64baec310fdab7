package dev.lockstep.cli;

import dev.lockstep.bench.LinkRate;
import dev.lockstep.bench.Statistics;
import dev.lockstep.bench.StepBenchmark;
import dev.lockstep.bench.StepResult;
import dev.lockstep.comm.Communicator;
import dev.lockstep.ddp.BucketPlan;
import dev.lockstep.device.Device;
import dev.lockstep.job.DistributedConfig;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import dev.lockstep.job.OptimizerConfig;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.train.StepBreakdown;
import dev.lockstep.train.Trainer;
import dev.lockstep.train.TrainingData;
import dev.lockstep.train.TrainingListener;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.LongStream;

/** A job made ready to train for a benchmark: checked as train does, but without test data, folder and checkpoints. */
record BenchJob(Job job, Environment environment, Device device, Trainer trainer) {
    /** Collective. */
    static BenchJob open(CommandContext context, JobOptions options, Communicator communicator) {
        Job job = options.load(communicator, context.failure(), "data.test=null", "data.validation=null",
                "validation=null", "log.every-steps=0");
        Environment environment = Environment.detect(context.program(), context.launch(), communicator, Optional.of(job));
        RankDevice rankDevice = new RankDevice(environment, communicator);
        TrainingData sources = JobOptions.check(job, communicator, rankDevice.budget());
        Device device = rankDevice.open(job);
        TrainingData.Loaded data = Agreement.onAllRanks(communicator, () -> sources.load(device));
        return new BenchJob(job, environment, device, new Trainer(context.program().identity(), job, data, device,
                communicator, new TrainingListener() { }));
    }

    /**
     * Collective.
     *
     * @param link null where not known
     */
    StepResult result(Communicator communicator, LinkRate link, int warmUpSteps, int steps, int stepsPerTime,
            StepBenchmark.Measurement measured) {
        int ranks = communicator.size();
        int rank = communicator.rank();
        BucketPlan plan = trainer.replica().plan();
        DistributedConfig distributed = job.distributed();
        long[] chunkBytes = plan.chunks().stream().mapToLong(BucketPlan.Chunk::bytes).toArray();
        double[] seconds = measured.stepSeconds();
        Statistics.Interval interval = Statistics.interval95(seconds);
        double median = Statistics.median(seconds);
        List<StepResult.Operation> operations = measured.operations().stream().map(operation -> new StepResult.Operation(
                operation.name(), operation.phase().name().toLowerCase(Locale.ROOT), operation.flops(),
                operation.seconds())).toList();
        Reduction reduction = Reduction.of(ranks, trainer.replica().gradients(), job);
        double[] resident = StepBenchmark.maximum(communicator, new double[] {residentBytes()});
        return new StepResult(StepResult.KIND, job.name(), ranks, Placement.hosts(environment.placements()),
                Placement.usableCores(environment.placements()), Placement.machineCores(environment.placements()),
                link == null ? null : link.text(), device.description(),
                environment.threads().get(rank).count(), job.precision().name().toLowerCase(Locale.ROOT),
                trainer.overlaps(), reduction.name(), reduction.refusal(),
                trainer.batchSize(), job.train().accumulate(), trainer.samplesPerStep() * ranks,
                trainer.trainSamples(),
                JobFile.layers(job), optimizer(), trainer.replica().sumsWithinSteps(),
                trainer.replica().parameterCount(), LongStream.of(chunkBytes).sum(), plan.buckets().size(),
                distributed.bucketBytes(), distributed.firstBucketBytes(), distributed.chunkBytes(), chunkBytes.length,
                chunkBytes, trainer.replica().parameters().backwardOrder().stream().map(Parameter::shape).toList(),
                device.operations().weightGradientRows(), warmUpSteps, steps, stepsPerTime, seconds, median,
                interval.low(), interval.high(), trainer.samplesPerStep() * ranks / median,
                measured.breakdown().map(StepBreakdown::toMap).orElse(null), operations, measured.chunkSeconds(),
                (long) resident[0], environment.toMap());
    }

    /** By what an update reads and writes. */
    private String optimizer() {
        String key = job.optimizer().key();
        return key.substring(key.indexOf('.') + 1)
                + (job.optimizer() instanceof OptimizerConfig.Sgd sgd && sgd.momentum() > 0 ? " with momentum" : "");
    }

    /** Of this process, now; 0 where the system does not tell. */
    private static long residentBytes() {
        return Machine.field(Machine.lines(Path.of("/proc/self/status")), "VmRSS")
                .map(text -> Long.parseLong(text.replaceAll("[^0-9]", "")) * 1024).orElse(0L);
    }
}
