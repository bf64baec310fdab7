package dev.lockstep.train;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Where a step's time goes, in mean seconds of a full-size step; all of one record are those of the rank with the longest
 * steps. Data, forward, backward and exposed communication follow each other; what they leave of the step is the updates
 * behind the last chunk, and what training does between two steps.
 *
 * @param dataSeconds        choosing and gathering the batch
 * @param forwardSeconds     the model's outputs and the loss
 * @param backwardSeconds    to the last gradient; handing chunks to the communication thread is in it
 * @param exposedCommSeconds from the end of backward until the last chunk is reduced; the updates of earlier chunks run
 *                           meanwhile
 * @param commSeconds        sum over the chunks of the shortest time over the ranks, so that waiting for a slow peer does
 *                           not count
 * @param optimizerSeconds   of all updates, also those that run while later chunks are reduced
 * @param stepSeconds        wall time
 * @param gigaflops          of the matrix products, in billions a second of the step
 * @param gemmShare          of the step's time, that of the matrix products themselves, 0 … 1
 */
public record StepBreakdown(double dataSeconds, double forwardSeconds, double backwardSeconds, double exposedCommSeconds,
        double commSeconds, double optimizerSeconds, double stepSeconds, double gigaflops, double gemmShare) {
    /**
     * The part of communication that runs beside backward; NaN without communication. Below 0 where peers are slow, and
     * without overlap: then all of it is exposed, and the updates between the sums are, too.
     */
    public double hiddenFraction() {
        return commSeconds > 0 ? 1 - exposedCommSeconds / commSeconds : Double.NaN;
    }

    /** As metrics.jsonl has it; {@code hidden_fraction} is absent without communication. */
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("data_seconds", dataSeconds);
        map.put("forward_seconds", forwardSeconds);
        map.put("backward_seconds", backwardSeconds);
        map.put("exposed_comm_seconds", exposedCommSeconds);
        map.put("comm_seconds", commSeconds);
        map.put("optimizer_seconds", optimizerSeconds);
        map.put("step_seconds", stepSeconds);
        if (commSeconds > 0) {
            map.put("hidden_fraction", hiddenFraction());
        }
        map.put("gflops", gigaflops);
        map.put("gemm_share", gemmShare);
        return map;
    }

    /** Of what {@link #toMap} gave. */
    static StepBreakdown of(JsonNode json) {
        return new StepBreakdown(json.required("data_seconds").doubleValue(), json.required("forward_seconds").doubleValue(),
                json.required("backward_seconds").doubleValue(), json.required("exposed_comm_seconds").doubleValue(),
                json.required("comm_seconds").doubleValue(), json.required("optimizer_seconds").doubleValue(),
                json.required("step_seconds").doubleValue(), json.required("gflops").doubleValue(),
                json.required("gemm_share").doubleValue());
    }

    /** Of several epochs, or the like. */
    public static StepBreakdown mean(List<StepBreakdown> of) {
        return new StepBreakdown(mean(of, StepBreakdown::dataSeconds), mean(of, StepBreakdown::forwardSeconds),
                mean(of, StepBreakdown::backwardSeconds), mean(of, StepBreakdown::exposedCommSeconds),
                mean(of, StepBreakdown::commSeconds), mean(of, StepBreakdown::optimizerSeconds),
                mean(of, StepBreakdown::stepSeconds), mean(of, StepBreakdown::gigaflops),
                mean(of, StepBreakdown::gemmShare));
    }

    private static double mean(List<StepBreakdown> of, ToDoubleFunction<StepBreakdown> part) {
        return of.stream().mapToDouble(part).average().orElseThrow();
    }
}
