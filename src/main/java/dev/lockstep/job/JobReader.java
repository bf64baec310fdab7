package dev.lockstep.job;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/** Reads a job from YAML: every key, its default, and the checks of its value. */
final class JobReader {
    /** Fit as a folder name everywhere: no separators, nothing hidden, nothing that looks like an option. */
    private static final Pattern NAME = Pattern.compile("[\\p{L}\\p{N}_][\\p{L}\\p{M}\\p{N} ._+=,@()-]*(?<![ .])");

    /** Leaves room in a file name's 255 bytes for a suffix. */
    private static final int MAX_NAME_BYTES = 100;

    private static final Duration MAX_TIMEOUT = Duration.ofDays(365);
    private static final long MIN_BUCKET_BYTES = Float.BYTES;
    private static final long MAX_BUCKET_BYTES = 1L << 40;
    private static final long MAX_CHUNK_BYTES = 1L << 30;

    private final Path baseDirectory;

    /** @param baseDirectory what relative paths are relative to; absolute */
    JobReader(Path baseDirectory) {
        this.baseDirectory = baseDirectory;
    }

    Job job(YamlNode.Mapping root) {
        Fields job = new Fields("", root, JobKeys.ALL);
        LossConfig loss = LossReader.loss(job.get("loss", LossReader.CROSS_ENTROPY));
        OptimizerConfig optimizer = OptimizerReader.optimizer(job.map("optimizer"));
        List<MetricConfig> metrics = LossReader.metrics(job.find("metrics"), loss);
        DataConfig data = new DataReader(baseDirectory).data(job.map("data"));
        return new Job(
                name(job.require("name")),
                job.get("seed", "0").wholeNumber(0, Long.MAX_VALUE),
                job.get("device", "auto").choice(DeviceChoice.class),
                job.get("precision", "fp32").choice(Precision.class),
                threads(job.get("threads", "auto")),
                job.get("gpu-sharing", "false").flag(),
                job.get("timeout", "60s").duration(MAX_TIMEOUT),
                data,
                ModelReader.layers(job.require("model")),
                loss,
                metrics,
                optimizer,
                ScheduleReader.schedule(job.map("schedule"), optimizer),
                TrainReader.train(job.map("train")),
                distributed(job.map("distributed")),
                checkpoint(job.map("checkpoint")),
                new LogConfig(job.map("log").get("every-steps", "0").wholeNumber(0, Long.MAX_VALUE)),
                ValidationReader.validation(job, data.validation().isPresent(), metrics));
    }

    private static String name(Value value) {
        String expected = "a folder's name: letters, digits and inner . _ + = , @ ( ) - or spaces, at most "
                + MAX_NAME_BYTES + " bytes";
        String name = value.text(expected);
        if (name.length() > MAX_NAME_BYTES || name.getBytes(StandardCharsets.UTF_8).length > MAX_NAME_BYTES
                || !NAME.matcher(name).matches()) {
            throw value.mustBe(expected);
        }
        DataReader.path(value, name); // in an ASCII locale Java cannot name a file with other letters
        return name;
    }

    private static OptionalInt threads(Value value) {
        return value.is("auto")
                ? OptionalInt.empty()
                : OptionalInt.of(Math.toIntExact(value.wholeNumber(1, Job.MAX_THREADS, " or auto")));
    }

    private static DistributedConfig distributed(Fields distributed) {
        return new DistributedConfig(
                distributed.get("first-bucket", "1MiB").bytes(MIN_BUCKET_BYTES, MAX_BUCKET_BYTES),
                distributed.get("bucket", "25MiB").bytes(MIN_BUCKET_BYTES, MAX_BUCKET_BYTES),
                distributed.get("chunk", "4MiB").bytes(MIN_BUCKET_BYTES, MAX_CHUNK_BYTES),
                distributed.get("overlap", "true").flag(),
                distributed.get("shared-memory", "true").flag());
    }

    private static CheckpointConfig checkpoint(Fields checkpoint) {
        return new CheckpointConfig(
                checkpoint.get("every-epochs", "0").wholeInt(0),
                checkpoint.get("every-steps", "0").wholeNumber(0, Long.MAX_VALUE),
                checkpoint.get("every-minutes", "0").numberFromZero(),
                checkpoint.get("keep", "3").wholeInt(1));
    }
}
