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
                metrics: %s
                optimizer:
                %s
                  groups: %s
                schedule: %s
                train:
                %s
                distributed: {first-bucket: %s, bucket: %s, chunk: %s, overlap: %s, shared-memory: %s}
                checkpoint: {every-epochs: %s, every-steps: %s, every-minutes: %s, keep: %s}
                log: {every-steps: %s}
                validation: %s
                """.formatted(
                Text.yaml(job.name()), job.seed(), Value.spelling(job.device()), Value.spelling(job.precision()),
                job.threads().isPresent() ? job.threads().getAsInt() : "auto", job.gpuSharing(),
                Units.MILLISECONDS.format(job.timeout().toMillis()),
                DataWriter.source(job.data().train()), job.data().test().map(DataWriter::source).orElse("null"),
                job.data().validation().map(DataWriter::source).orElse("null"),
                model(job.model()),
                loss(job.loss()), metrics(job.metrics()),
                optimizer(job.optimizer()),
                job.optimizer().groups().stream().map(JobWriter::group).collect(Collectors.joining(", ", "[", "]")),
                schedule(job.schedule()), train(job.train()),
                Units.BYTES.format(distributed.firstBucketBytes()), Units.BYTES.format(distributed.bucketBytes()),
                Units.BYTES.format(distributed.chunkBytes()), distributed.overlap(), distributed.sharedMemory(),
                checkpoint.everyEpochs(), checkpoint.everySteps(), number(checkpoint.everyMinutes()),
                checkpoint.keep(),
                job.log().everySteps(), job.validation().map(JobWriter::validation).orElse("null"));
    }

    static String model(List<LayerConfig> layers) {
        return layers.stream().map(layer -> "  - " + layer(layer)).collect(Collectors.joining("\n"));
    }

    private static String layer(LayerConfig layer) {
        if (layer instanceof LayerConfig.CustomLayer custom) {
            return CustomLayerReader.yaml(custom);
        }
        if (layer instanceof LayerConfig.LinearLayer linear) {
            return "linear: {in: " + linear.in() + ", out: " + linear.out() + "}";
        }
        if (layer instanceof LayerConfig.BatchNormLayer norm) {
            return (norm.sync() ? "sync-batch-norm" : "batch-norm") + ": {eps: " + number(norm.eps()) + ", momentum: "
                    + number(norm.momentum()) + "}";
        }
        if (layer instanceof LayerConfig.LayerNormLayer norm) {
            return "layer-norm: {eps: " + number(norm.eps()) + "}";
        }
        if (layer instanceof LayerConfig.DropoutLayer dropout) {
            return "dropout: " + number(dropout.probability());
        }
        if (layer instanceof LayerConfig.ResidualLayer residual) {
            return residual.layers().stream().map(JobWriter::layer)
                    .map(inner -> inner.contains(":") ? "{" + inner + "}" : inner)
                    .collect(Collectors.joining(", ", "residual: [", "]"));
        }
        return Value.spelling(((LayerConfig.ActivationLayer) layer).kind());
    }

    private static String loss(LossConfig loss) {
        return loss instanceof LossConfig.CrossEntropy crossEntropy
                ? "{cross-entropy: {label-smoothing: " + number(crossEntropy.labelSmoothing()) + "}}" : LossReader.MSE;
    }

    private static String metrics(List<MetricConfig> metrics) {
        return metrics.stream().map(LossReader::spelling).collect(Collectors.joining(", ", "[", "]"));
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

    private static String group(GroupConfig group) {
        return "{parameters: " + group.parameters().stream().map(Text::yaml).collect(Collectors.joining(", ", "[", "]"))
                + (group.lr().isPresent() ? ", lr: " + number(group.lr().getAsDouble()) : "")
                + (group.weightDecay().isPresent() ? ", weight-decay: " + number(group.weightDecay().getAsDouble()) : "")
                + "}";
    }

    private static String schedule(ScheduleConfig schedule) {
        String unit = Value.spelling(schedule.unit());
        String decay = "";
        if (schedule.decay().orElse(null) instanceof ScheduleConfig.StepDecay step) {
            decay = ", step: {every-" + unit + ": " + step.every() + ", gamma: " + number(step.gamma()) + "}";
        } else if (schedule.decay().orElse(null) instanceof ScheduleConfig.CosineDecay cosine) {
            decay = ", cosine: {" + unit + ": " + cosine.length() + ", min-lr: " + number(cosine.minLr()) + "}";
        }
        return "{warmup-" + unit + ": " + schedule.warmUp() + decay + ", scale-lr: "
                + Value.spelling(schedule.scaleLr()) + "}";
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

    private static String validation(ValidationConfig validation) {
        return "{every-epochs: " + validation.everyEpochs() + ", every-steps: " + validation.everySteps() + ", monitor: "
                + ValidationReader.spelling(validation.monitor()) + ", early-stopping: "
                + validation.earlyStopping().map(early -> "{patience: " + early.patience() + ", min-delta: "
                        + number(early.minDelta()) + "}").orElse("null")
                + ", keep-best: " + validation.keepBest() + "}";
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
    static String number(double number) {
        String plain = new BigDecimal(Double.toString(number)).stripTrailingZeros().toPlainString();
        return plain.length() <= MAX_PLAIN_DIGITS ? plain : Double.toString(number);
    }

    /** In plain notation unless that has very many zeros. */
    static String number(BigDecimal number) {
        boolean isShort = number.precision() - (long) number.scale() <= MAX_PLAIN_DIGITS && number.scale() <= MAX_PLAIN_DIGITS;
        return isShort ? number.toPlainString() : number.toString();
    }
}
