package dev.lockstep.job;

import java.math.BigDecimal;
import java.util.List;
import java.util.stream.Collectors;

/** Writes a job with every key resolved; equal jobs give equal text. */
final class JobWriter {
    private static final int MAX_PLAIN_DIGITS = 20;

    private JobWriter() {}

    static String yaml(Job job) {
        DistributedConfig distributed = job.distributed();
        CheckpointConfig checkpoint = job.checkpoint();
        // Only %s: the other conversions depend on the locale.
        return """
                name: %s
                seed: %s
                device: %s
                precision: %s
                threads: %s
                gpu-sharing: %s
                timeout: %s
                data:
                  train: %s
                  test: %s
                model:
                %s
                loss: %s
                metrics: %s
                optimizer:
                %s
                train:
                %s
                distributed: {first-bucket: %s, bucket: %s, chunk: %s, overlap: %s}
                checkpoint: {every-epochs: %s, every-steps: %s, every-minutes: %s, keep: %s}
                log: {every-steps: %s}
                """.formatted(
                Text.yaml(job.name()), job.seed(), Value.spelling(job.device()), Value.spelling(job.precision()),
                job.threads().isPresent() ? job.threads().getAsInt() : "auto", job.gpuSharing(),
                Units.MILLISECONDS.format(job.timeout().toMillis()),
                source(job.data().train()), job.data().test().map(JobWriter::source).orElse("null"),
                job.model().stream().map(JobWriter::layer).collect(Collectors.joining("\n")),
                loss(job.loss()), metrics(job.metrics()),
                optimizer(job.optimizer()), train(job.train()),
                Units.BYTES.format(distributed.firstBucketBytes()), Units.BYTES.format(distributed.bucketBytes()),
                Units.BYTES.format(distributed.chunkBytes()), distributed.overlap(),
                checkpoint.everyEpochs(), checkpoint.everySteps(), number(checkpoint.everyMinutes()),
                checkpoint.keep(),
                job.log().everySteps());
    }

    private static String source(DataSource source) {
        if (source instanceof DataSource.Idx idx) {
            return "{format: idx, images: " + Text.yaml(idx.images().toString())
                    + ", labels: " + Text.yaml(idx.labels().toString()) + "}";
        }
        if (source instanceof DataSource.SyntheticValues values) {
            return "{format: synthetic, samples: " + values.samples() + ", features: " + values.features() + ", outputs: "
                    + values.outputs() + ", seed: " + values.seed() + "}";
        }
        DataSource.Synthetic synthetic = (DataSource.Synthetic) source;
        return "{format: synthetic, samples: " + synthetic.samples() + ", features: " + synthetic.features()
                + ", classes: " + synthetic.classes() + ", seed: " + synthetic.seed() + "}";
    }

    private static String layer(LayerConfig layer) {
        if (layer instanceof LayerConfig.LinearLayer linear) {
            return "  - linear: {in: " + linear.in() + ", out: " + linear.out() + "}";
        }
        return "  - " + Value.spelling(((LayerConfig.ActivationLayer) layer).kind());
    }

    private static String loss(LossConfig loss) {
        return loss instanceof LossConfig.CrossEntropy crossEntropy
                ? "{cross-entropy: {label-smoothing: " + number(crossEntropy.labelSmoothing()) + "}}" : LossReader.MSE;
    }

    private static String metrics(List<MetricConfig> metrics) {
        return metrics.stream().map(LossReader::spelling).collect(Collectors.joining(", ", "[", "]"));
    }

    private static String optimizer(OptimizerConfig optimizer) {
        OptimizerConfig.Sgd sgd = (OptimizerConfig.Sgd) optimizer;
        return "  sgd: {lr: " + number(sgd.lr()) + ", momentum: " + number(sgd.momentum()) + ", weight-decay: "
                + number(sgd.weightDecay()) + ", dampening: " + number(sgd.dampening()) + ", nesterov: " + sgd.nesterov() + "}";
    }

    private static String train(TrainConfig train) {
        return "  epochs: " + train.epochs()
                + "\n  " + batch(train)
                + "\n  shuffle: " + train.shuffle()
                + "\n  drop-last: " + train.dropLast();
    }

    private static String batch(TrainConfig train) {
        return train.batchSize().isPresent()
                ? "batch-size: " + train.batchSize().getAsInt()
                : "global-batch: " + train.globalBatch().getAsInt();
    }

    /** The shortest digits that read back as the same double; in plain notation unless that has very many zeros. */
    private static String number(double number) {
        BigDecimal exact = new BigDecimal(Double.toString(number)).stripTrailingZeros();
        String plain = exact.toPlainString();
        return plain.length() <= MAX_PLAIN_DIGITS ? plain : Double.toString(number);
    }
}
