package dev.lockstep.job;

import java.math.BigDecimal;
import java.util.List;
import java.util.OptionalDouble;
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
                  validation: %s
                model:
                %s
                loss: %s
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
                DataWriter.source(job.data().train()), job.data().test().map(DataWriter::source).orElse("null"),
                job.data().validation().map(DataWriter::source).orElse("null"),
                model(job.model()),
                Value.spelling(job.loss()),
                optimizer(job.optimizer()), train(job.train()),
                Units.BYTES.format(distributed.firstBucketBytes()), Units.BYTES.format(distributed.bucketBytes()),
                Units.BYTES.format(distributed.chunkBytes()), distributed.overlap(),
                checkpoint.everyEpochs(), checkpoint.everySteps(), number(checkpoint.everyMinutes()),
                checkpoint.keep(),
                job.log().everySteps());
    }

    static String model(List<LayerConfig> layers) {
        return layers.stream().map(JobWriter::layer).collect(Collectors.joining("\n"));
    }

    private static String layer(LayerConfig layer) {
        if (layer instanceof LayerConfig.CustomLayer custom) {
            return "  - " + CustomLayerReader.yaml(custom);
        }
        if (layer instanceof LayerConfig.LinearLayer linear) {
            return "  - linear: {in: " + linear.in() + ", out: " + linear.out() + "}";
        }
        return "  - " + Value.spelling(((LayerConfig.ActivationLayer) layer).kind());
    }

    private static String optimizer(OptimizerConfig optimizer) {
        if (optimizer instanceof OptimizerConfig.Adam adam) {
            return "  " + (adam.decoupled() ? "adamw" : "adam") + ": {lr: " + number(adam.lr()) + ", betas: ["
                    + number(adam.beta1()) + ", " + number(adam.beta2()) + "], eps: " + number(adam.eps())
                    + ", weight-decay: " + number(adam.weightDecay()) + "}";
        }
        OptimizerConfig.Sgd sgd = (OptimizerConfig.Sgd) optimizer;
        return "  sgd: {lr: " + number(sgd.lr()) + ", momentum: " + number(sgd.momentum()) + ", weight-decay: "
                + number(sgd.weightDecay()) + ", dampening: " + number(sgd.dampening()) + ", nesterov: " + sgd.nesterov() + "}";
    }

    private static String train(TrainConfig train) {
        return "  epochs: " + train.epochs()
                + "\n  " + batch(train)
                + "\n  accumulate: " + train.accumulate()
                + "\n  shuffle: " + train.shuffle()
                + "\n  drop-last: " + train.dropLast()
                + "\n  clip-norm: " + limit(train.clipNorm())
                + "\n  clip-value: " + limit(train.clipValue());
    }

    private static String limit(OptionalDouble limit) {
        return limit.isPresent() ? number(limit.getAsDouble()) : "null";
    }

    private static String batch(TrainConfig train) {
        return train.batchSize().isPresent()
                ? "batch-size: " + train.batchSize().getAsInt()
                : "global-batch: " + train.globalBatch().getAsInt();
    }

    /** The shortest digits that read back as the same double; in plain notation unless that has very many zeros. */
    private static String number(double number) {
        String plain = new BigDecimal(Double.toString(number)).stripTrailingZeros().toPlainString();
        return plain.length() <= MAX_PLAIN_DIGITS ? plain : Double.toString(number);
    }

    /** In plain notation unless that has very many zeros. */
    static String number(BigDecimal number) {
        boolean isShort = number.precision() - (long) number.scale() <= MAX_PLAIN_DIGITS && number.scale() <= MAX_PLAIN_DIGITS;
        return isShort ? number.toPlainString() : number.toString();
    }
}
