package dev.lockstep.job;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A job file with every default filled in. {@link JobFile} makes it and has checked each value by then, so the records
 * of this package hold data and check nothing again.
 *
 * @param threads CPU threads a rank, 1 … MAX_THREADS; empty: chosen from what the rank may use
 * @param gpuSharing whether several ranks may use one GPU
 * @param timeout how long a rank waits for a peer before the job ends; more than zero
 * @param validation present if and only if there is data to validate on
 * @param model at least one layer, at least one of them linear; a layer's position names its parameters
 * @param metrics none twice, all of what the loss is of
 */
public record Job(
        String name,
        long seed,
        DeviceChoice device,
        Precision precision,
        OptionalInt threads,
        boolean gpuSharing,
        Duration timeout,
        DataConfig data,
        List<LayerConfig> model,
        LossConfig loss,
        List<MetricConfig> metrics,
        OptimizerConfig optimizer,
        ScheduleConfig schedule,
        TrainConfig train,
        DistributedConfig distributed,
        CheckpointConfig checkpoint,
        LogConfig log,
        Optional<ValidationConfig> validation) {
    /** More than any machine has use for; an OpenMP runtime that is asked for far more ends the process. */
    public static final int MAX_THREADS = 4096;

    public Job {
        model = List.copyOf(model);
        metrics = List.copyOf(metrics);
    }
}
