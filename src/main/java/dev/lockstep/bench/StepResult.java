package dev.lockstep.bench;

import com.fasterxml.jackson.annotation.JsonAlias;
import dev.lockstep.tensor.ParameterShape;
import java.util.List;
import java.util.Map;

/**
 * What {@code bench step} has measured: the JSON object that it prints. Of rank 0 where nothing else is said.
 *
 * @param kind           {@code "step"}
 * @param hosts          that MPI knows
 * @param cores          usable by the ranks, on all machines together: with more ranks than that they take turns
 * @param machineCores   of the same machines, also those that no rank is bound to
 * @param linkRate       of the link between hosts, as the user gave it; null if not given
 * @param reduction      {@link #SHARED_MEMORY} within a machine, {@link #MPI}, or {@link #NONE}
 * @param reductionRefusal why not in shared memory; null where it is, with one rank, and where an older version measured
 * @param batchSize      samples of a rank in a micro-batch; {@code globalBatch} in a step of {@code accumulate} of these, of all
 *                       ranks
 * @param samples        of the training data
 * @param model          its layers, each as a job file has it
 * @param optimizer      {@code "sgd"}, {@code "sgd with momentum"}, {@code "adam"} or {@code "adamw"}
 * @param sumsWithinSteps whether modules sum over the ranks within forward or backward, or would with several ranks
 * @param chunks         that gradients are sent in, of {@code chunkBytesEach} in order; one rank sends none
 * @param backwardOrder  the parameters as buckets are filled with them
 * @param stepSeconds    the largest of all ranks, each time the mean of {@code stepsPerTime} steps
 * @param stepSecondsLow with {@code stepSecondsHigh} the 95 % confidence interval of the median; of fewer than six times,
 *                       the least and the greatest
 * @param breakdown      of the slowest rank; null where no step was timed from within
 * @param operations     of a full-size step, in the order in which they ran, on the rank that computes the longest
 * @param chunkSeconds   means of the shortest times over the ranks, in the order of sending
 * @param residentBytes  of the largest rank, after the last step
 */
public record StepResult(String kind, String name, int ranks, int hosts, int cores, int machineCores, String linkRate,
        String device, int threads, String precision, boolean overlap, String reduction, String reductionRefusal,
        int batchSize, int accumulate, int globalBatch, int samples, List<String> model, String optimizer,
        @JsonAlias("sync_batch_norm") boolean sumsWithinSteps, long parameters, long gradientBytes, int buckets,
        long bucketBytes, long firstBucketBytes, long chunkBytes, int chunks, long[] chunkBytesEach,
        List<ParameterShape> backwardOrder,
        int weightGradientRows, int warmupSteps, int steps, int stepsPerTime, double[] stepSeconds,
        double stepSecondsMedian, double stepSecondsLow, double stepSecondsHigh, double samplesPerSecond,
        Map<String, Object> breakdown, List<Operation> operations, double[] chunkSeconds, long residentBytes,
        Map<String, Object> environment) {
    public static final String KIND = "step";
    public static final String SHARED_MEMORY = "shared memory";
    public static final String MPI = "MPI";
    public static final String NONE = "none";

    /** What the environment holds at a JSON pointer, as {@code "/cpu/model"}; empty if nothing. */
    String environmentAt(String pointer) {
        return Json.MAPPER.valueToTree(environment).at(pointer).asText();
    }

    /**
     * @param phase {@code data}, {@code forward}, {@code backward} or {@code optimizer}
     * @param flops of a matrix product, 0 for what is none
     */
    public record Operation(String name, String phase, double flops, double seconds) {
    }
}
