package dev.lockstep.cli;

import dev.lockstep.data.Dataset;
import dev.lockstep.ddp.BucketPlan;
import dev.lockstep.device.Device;
import dev.lockstep.job.Job;
import dev.lockstep.train.Trainer;
import dev.lockstep.train.TrainingData;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;

/** What rank 0 prints before the first step: what will be trained, on what, by whom. */
final class Announcement {
    private final PrintStream out;

    Announcement(PrintStream out) {
        this.out = out;
    }

    void print(Job job, Environment environment, Device device, TrainingData sources, TrainingData.Loaded data,
            Trainer trainer, int ranks, Path folder) {
        out.println("lockstep " + environment.program().version() + ": " + job.name() + " into " + folder);
        out.println("mpi       " + environment.mpi());
        out.println("device    " + device.description() + "; " + environment.devices().reason());
        PrintWriter writer = new PrintWriter(out, true, StandardCharsets.UTF_8);
        environment.printRanks(writer);
        writer.flush();
        out.println("train     " + describe(data.train()));
        data.test().ifPresent(test -> out.println("test      " + describe(test)));
        data.validation().ifPresent(validation -> out.println("validate  " + describe(validation)));
        int accumulate = job.train().accumulate();
        out.printf(Locale.ROOT, "model     %,d parameters; batch %d%s a rank, %d in all; %,d steps an epoch%n",
                trainer.replica().parameterCount(), trainer.batchSize(), accumulate == 1 ? "" : " x " + accumulate,
                (long) trainer.samplesPerStep() * ranks, trainer.stepsPerEpoch());
        out.println("optimizer " + OptimizerText.of(job, ranks));
        out.printf(Locale.ROOT, "memory    %.1f MiB %s a rank (predicted: %.1f)%s%n", mebibytes(device.allocatedBytes()),
                environment.devices().isCuda() ? "of the GPU's" : "for arrays", mebibytes(sources.deviceBytes()),
                sources.featuresOnHost() ? "; the data stays in the host's memory" : "");
        out.println("gradients " + describe(job, trainer, ranks));
        out.flush();
    }

    private static String describe(Dataset dataset) {
        return String.format(Locale.ROOT, "%s: %,d samples of %,d features", dataset.description(), dataset.samples(),
                dataset.features().columns());
    }

    private static String describe(Job job, Trainer trainer, int ranks) {
        if (ranks == 1) {
            return "one rank: nothing to reduce";
        }
        BucketPlan plan = trainer.replica().plan();
        long bytes = plan.buckets().stream().mapToLong(BucketPlan.Bucket::bytes).sum();
        return String.format(Locale.ROOT, "%.2f MiB in %d %s, %s, %s", mebibytes(bytes), plan.buckets().size(),
                plan.buckets().size() == 1 ? "bucket" : "buckets",
                Reduction.of(ranks, trainer.replica().gradients(), job).ofChunks(plan.chunks().size()),
                trainer.overlaps() ? "while backward goes on" : plan.chunks().size() == 1 ? "after backward: there is no second"
                        + " to compute beside it" : "after backward: distributed.overlap is false");
    }

    private static double mebibytes(long bytes) {
        return bytes / (double) (1 << 20);
    }
}
