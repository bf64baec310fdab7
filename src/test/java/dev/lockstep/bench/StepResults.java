package dev.lockstep.bench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.bench.StepResult.Operation;
import dev.lockstep.ddp.BucketPlan;
import dev.lockstep.tensor.ParameterShape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/** Results of steps that were never run, each rank bound to a core of two. */
final class StepResults {
    private StepResults() {
    }

    /** Weight and bias of each linear layer between these widths, the last first. */
    static List<ParameterShape> backwardOrder(int... widths) {
        List<ParameterShape> shapes = new ArrayList<>();
        for (int i = 0; i + 1 < widths.length; i++) {
            shapes.add(ParameterShape.matrix(2 * i + ".weight", widths[i + 1], widths[i]));
            shapes.add(ParameterShape.bias(2 * i + ".bias", widths[i + 1]));
        }
        Collections.reverse(shapes);
        return shapes;
    }

    static BucketPlan plan(List<ParameterShape> backwardOrder, int ranks, long chunkBytes) {
        return BucketPlan.of(backwardOrder, 1 << 20, 25 << 20, ranks == 1 ? Long.MAX_VALUE : chunkBytes);
    }

    static StepResult of(int ranks, int hosts, String linkRate, int batchSize, List<ParameterShape> backwardOrder,
            long chunkBytes, List<Operation> operations, double[] chunkSeconds, double stepSeconds) {
        return of(ranks, hosts, linkRate, batchSize, backwardOrder, chunkBytes, operations, chunkSeconds, stepSeconds, true);
    }

    static StepResult of(int ranks, int hosts, String linkRate, int batchSize, List<ParameterShape> backwardOrder,
            long chunkBytes, List<Operation> operations, double[] chunkSeconds, double stepSeconds, boolean overlap) {
        BucketPlan plan = plan(backwardOrder, ranks, chunkBytes);
        long[] chunks = plan.chunks().stream().mapToLong(BucketPlan.Chunk::bytes).toArray();
        return new StepResult(StepResult.KIND, "test", ranks, hosts, ranks, 2, linkRate, "none", 1, "fp32", overlap,
                ranks == 1 ? StepResult.NONE : StepResult.MPI, null, batchSize, 1, batchSize * ranks, 1000,
                List.of("linear"), "sgd", false, 1, LongStream.of(chunks).sum(), plan.buckets().size(), 25 << 20, 1 << 20,
                chunkBytes, chunks.length, chunks, backwardOrder, 64, 0, 3, 1,
                new double[] {0.8 * stepSeconds, stepSeconds, 1.5 * stepSeconds}, stepSeconds, stepSeconds, stepSeconds,
                batchSize * ranks / stepSeconds,
                Map.of("backward_seconds", 1.0, "comm_seconds", ranks == 1 ? 0.0 : 0.5, "hidden_fraction", 0.75), operations,
                chunkSeconds, 0, Map.of());
    }

    /** The same, with so many micro-batches a step. */
    static StepResult accumulating(int microBatches, StepResult step) {
        ObjectNode json = Json.MAPPER.valueToTree(step);
        return Measurements.step(json.put("accumulate", microBatches), "");
    }

    /** The same, of a model that sums within its layers. */
    static StepResult synchronizing(StepResult step) {
        ObjectNode json = Json.MAPPER.valueToTree(step);
        return Measurements.step(json.put("sums_within_steps", true), "");
    }

    /** The same, of other layers that have parameters of the same shapes. */
    static StepResult ofModel(List<String> layers, StepResult step) {
        ObjectNode json = Json.MAPPER.valueToTree(step);
        json.set("model", Json.MAPPER.valueToTree(layers));
        return Measurements.step(json, "");
    }

    static StepResult updatedBy(String optimizer, StepResult step) {
        ObjectNode json = Json.MAPPER.valueToTree(step);
        return Measurements.step(json.put("optimizer", optimizer), "");
    }

    /** The same, in memory that the ranks of a host share. */
    static StepResult sharing(StepResult step) {
        ObjectNode json = Json.MAPPER.valueToTree(step);
        return Measurements.step(json.put("reduction", StepResult.SHARED_MEMORY), "");
    }

    /** The same, on machines of so many cores in all. */
    static StepResult onCores(int machineCores, StepResult step) {
        ObjectNode json = Json.MAPPER.valueToTree(step);
        return Measurements.step(json.put("machine_cores", machineCores), "");
    }

    /** The same, measured elsewhere. */
    static StepResult in(Map<String, Object> environment, StepResult step) {
        ObjectNode json = Json.MAPPER.valueToTree(step);
        json.set("environment", Json.MAPPER.valueToTree(environment));
        return Measurements.step(json, "");
    }

    /** Of chunks alone. */
    static StepResult withChunks(int ranks, int hosts, String linkRate, long[] chunkBytes, double[] chunkSeconds) {
        return new StepResult(StepResult.KIND, "test", ranks, hosts, ranks, 2, linkRate, "none", 1, "fp32", true,
                StepResult.MPI, null, 1, 1, ranks, 1000, List.of("linear"), "sgd", false, 0, 1, 1, 1, 1, 1,
                chunkBytes.length, chunkBytes, backwardOrder(1, 1), 64, 0, 1, 1, new double[] {1}, 1, 1, 1, ranks, Map.of(),
                List.of(), chunkSeconds, 0, Map.of());
    }
}
