package dev.lockstep.bench;

import dev.lockstep.comm.Communicator;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import dev.lockstep.train.Checkpoint;
import dev.lockstep.train.CheckpointState;
import dev.lockstep.train.CheckpointWriter;
import dev.lockstep.train.Position;
import dev.lockstep.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * How fast checkpoints are written and read, beside plain files of the same size; and what steps take while one is written,
 * beside steps while none is. Everything in pairs, so that a drift of machine and disk meets both alike.
 */
public final class CheckpointBenchmark {
    private final Job job;
    private final Trainer trainer;
    private final Communicator communicator;
    private final Path folder;
    private int written;

    /** @param folder for the files, on rank 0; removed by whoever made it */
    public CheckpointBenchmark(Job job, Trainer trainer, Communicator communicator, Path folder) {
        this.job = job;
        this.trainer = trainer;
        this.communicator = communicator;
        this.folder = folder;
    }

    /**
     * Collective; the result is rank 0's.
     *
     * @param repeats     pairs
     * @param warmUpSteps in each turn
     * @param steps       timed in each turn
     */
    public CheckpointResult run(int repeats, int warmUpSteps, int steps, Map<String, Object> environment)
            throws IOException {
        // The optimizer's state is part of it, and there is none before the first step.
        StepBenchmark benchmark = new StepBenchmark(job, trainer, communicator);
        benchmark.run(warmUpSteps, 1);
        Rates rates = communicator.rank() == 0 ? rates(repeats) : new Rates(1);
        communicator.barrier();
        double[] alone = new double[repeats];
        double[] writing = new double[repeats];
        Writing writes = new Writing();
        for (int i = 0; i < repeats; i++) {
            boolean first = i % 2 == 0;
            for (boolean write : List.of(first, !first)) {
                double[] seconds = benchmark.run(warmUpSteps, steps, write ? writes::goOn : () -> { }).stepSeconds();
                (write ? writing : alone)[i] = Statistics.median(seconds);
                writes.finish();
                communicator.barrier();
            }
        }
        return new CheckpointResult(CheckpointResult.KIND, job.name(), communicator.size(), rates.bytes, repeats,
                rate(rates.bytes, rates.plainWrite), rate(rates.bytes, rates.write), ratio(rates.plainWrite, rates.write),
                rate(rates.bytes, rates.plainRead), rate(rates.bytes, rates.read), ratio(rates.plainRead, rates.read),
                rates.fromDisk, writes.medianPause(), Statistics.median(alone), Statistics.median(writing),
                ratio(writing, alone), environment);
    }

    private static double rate(long bytes, double[] seconds) {
        return bytes / Statistics.median(seconds);
    }

    /** Median over the pairs. */
    private static double ratio(double[] seconds, double[] of) {
        double[] ratios = new double[seconds.length];
        Arrays.setAll(ratios, i -> seconds[i] / of[i]);
        return Statistics.median(ratios);
    }

    /** Seconds of each pair. */
    private static final class Rates {
        private final double[] plainWrite;
        private final double[] write;
        private final double[] plainRead;
        private final double[] read;
        private long bytes;
        private boolean fromDisk = true;

        Rates(int pairs) {
            plainWrite = filled(pairs);
            write = filled(pairs);
            plainRead = filled(pairs);
            read = filled(pairs);
        }

        private static double[] filled(int pairs) {
            double[] seconds = new double[pairs];
            Arrays.fill(seconds, Double.NaN);
            return seconds;
        }
    }

    private Rates rates(int pairs) throws IOException {
        CheckpointWriter writer = writer("rates");
        Rates rates = new Rates(pairs);
        // The first brings threads, classes and memory.
        rates.bytes = size(files(write(writer)));
        PlainFile plain = new PlainFile(folder.resolve("plain"));
        for (int i = 0; i < pairs; i++) {
            boolean plainFirst = i % 2 == 0;
            Path checkpoint = null;
            for (boolean writePlain : List.of(plainFirst, !plainFirst)) {
                long begin = System.nanoTime();
                if (writePlain) {
                    plain.write(rates.bytes);
                } else {
                    checkpoint = write(writer);
                }
                (writePlain ? rates.plainWrite : rates.write)[i] = (System.nanoTime() - begin) * 1e-9;
            }
            List<Path> files = files(checkpoint);
            for (boolean readPlain : List.of(plainFirst, !plainFirst)) {
                for (Path file : readPlain ? List.of(folder.resolve("plain")) : files) {
                    rates.fromDisk &= PlainFile.evict(file);
                }
                long begin = System.nanoTime();
                if (readPlain) {
                    plain.read();
                } else {
                    if (!Checkpoint.open(checkpoint).read(trainer.replica())) {
                        throw new IOException("what was just written to " + checkpoint + " reads as something else");
                    }
                }
                (readPlain ? rates.plainRead : rates.read)[i] = (System.nanoTime() - begin) * 1e-9;
            }
        }
        Files.delete(folder.resolve("plain"));
        return rates;
    }

    private CheckpointWriter writer(String name) {
        return new CheckpointWriter(folder.resolve(name), 1, trainer.replica(), trainer.encoding());
    }

    private Path write(CheckpointWriter writer) {
        begin(writer);
        return writer.finished().orElseThrow();
    }

    private void begin(CheckpointWriter writer) {
        written++;
        writer.begin("epoch-" + written, new CheckpointState(Position.START, 0, trainer.replica().optimizer().steps(),
                JobFile.toYaml(job), job.seed(), communicator.size(), trainer.batchSize(), trainer.stepsPerEpoch(),
                trainer.trainSamples(), "", Map.of()));
    }

    private static List<Path> files(Path checkpoint) throws IOException {
        try (Stream<Path> files = Files.list(checkpoint)) {
            return files.toList();
        }
    }

    private static long size(List<Path> files) throws IOException {
        long bytes = 0;
        for (Path file : files) {
            bytes += Files.size(file);
        }
        return bytes;
    }

    /** One checkpoint after the other, on rank 0. */
    private final class Writing {
        private final CheckpointWriter writer = communicator.rank() == 0 ? writer("steps") : null;
        private final double[] pauses = new double[1 << 16];
        private int pauseCount;
        private boolean underWay;

        /** Between two steps. */
        void goOn() {
            if (writer == null || underWay && !writer.hasFinished()) {
                return;
            }
            finish();
            long begin = System.nanoTime();
            begin(writer);
            pauses[pauseCount++ % pauses.length] = (System.nanoTime() - begin) * 1e-9;
            underWay = true;
        }

        void finish() {
            if (underWay) {
                writer.finished();
                underWay = false;
            }
        }

        double medianPause() {
            return pauseCount == 0 ? Double.NaN
                    : Statistics.median(Arrays.copyOf(pauses, Math.min(pauseCount, pauses.length)));
        }
    }
}
