package dev.lockstep.bench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.job.ScalingConfig.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Results of scaling benchmarks for tests, made up of steps' times. */
final class ScalingResults {
    static final String COMMIT = "0123abc";

    private final Kind kind;
    private final int batch;
    private final List<Integer> ranks;
    private int repeats = 1;
    private int cores = 64;
    private ScalingResult.State state = ScalingResult.State.COMPLETE;
    private final List<ScalingRun> runs = new ArrayList<>();

    /** @param batch of all ranks where it is strong, of each where it is weak */
    ScalingResults(Kind kind, int batch, Integer... ranks) {
        this.kind = kind;
        this.batch = batch;
        this.ranks = List.of(ranks);
    }

    ScalingResults repeats(int newRepeats) {
        repeats = newRepeats;
        return this;
    }

    ScalingResults cores(int newCores) {
        cores = newCores;
        return this;
    }

    ScalingResults state(ScalingResult.State newState) {
        state = newState;
        return this;
    }

    /** A run that was measured. */
    ScalingResults run(int count, double... stepSeconds) {
        return run(line(count, stepSeconds));
    }

    /** A run that printed this. */
    ScalingResults run(ObjectNode line) {
        int count = line.get("ranks").asInt();
        runs.add(new ScalingRun(count, 1 + runs(count), List.of("mpirun", "-np", "" + count, "./lockstep", "bench", "step"),
                "2026-01-02T03:04:05Z", 1.5, null, line));
        return this;
    }

    ScalingResults failed(int count, String reason) {
        runs.add(new ScalingRun(count, 1 + runs(count), List.of("mpirun", "-np", "" + count), "2026-01-02T03:04:05Z", 1.5,
                reason, null));
        return this;
    }

    private int runs(int count) {
        return (int) runs.stream().filter(run -> run.ranks() == count).count();
    }

    /** As {@code bench step --json} prints it. */
    ObjectNode line(int count, double... stepSeconds) {
        int perRank = kind == Kind.STRONG ? batch / count : batch;
        double mean = Arrays.stream(stepSeconds).average().orElseThrow();
        ObjectNode line = Json.MAPPER.createObjectNode();
        line.put("kind", "step").put("name", "wide").put("ranks", count).put("hosts", 1).put("cores", Math.min(count, cores))
                .put("device", "CPU").put("threads", 1).put("precision", "fp32").put("overlap", count > 1)
                .put("batch_size", perRank).put("global_batch", perRank * count).put("parameters", 1000)
                .put("chunk_bytes", 4194304).put("resident_bytes", 300 << 20)
                .put("step_seconds_median", Statistics.median(stepSeconds));
        Arrays.stream(stepSeconds).forEach(line.withArray("step_seconds")::add);
        ObjectNode breakdown = line.putObject("breakdown").put("step_seconds", mean).put("data_seconds", 0.02 * mean)
                .put("forward_seconds", 0.25 * mean).put("backward_seconds", 0.5 * mean)
                .put("exposed_comm_seconds", 0.1 * mean).put("comm_seconds", count > 1 ? 0.4 * mean : 0)
                .put("optimizer_seconds", 0.08 * mean).put("gflops", 123.4).put("gemm_share", 0.75);
        if (count > 1) {
            breakdown.put("hidden_fraction", 0.75);
        }
        ObjectNode environment = line.putObject("environment");
        environment.putObject("lockstep").put("version", "0.1.0").put("commit", COMMIT);
        for (int rank = 0; rank < count; rank++) {
            environment.withArray("ranks").addObject().put("cpus", "" + rank);
        }
        environment.put("mpi", "Open MPI 4.1.4, " + ScalingTable.count(count) + " started by mpirun");
        return line;
    }

    ScalingResult result() {
        Map<Integer, String> binding = new TreeMap<>();
        ranks.forEach(count -> binding.put(count, "1 core a rank"));
        ScalingResult.Setup setup = new ScalingResult.Setup("0.1.0", COMMIT, List.of("./lockstep", "bench"), kind,
                "wide", "jobs/wide.yaml", List.of("precision=fp32"), "name: \"wide\"\n", ranks, ranks.get(0), batch,
                3, 1, repeats, "mpirun", List.of(), cores, 1,
                ranks.stream().filter(count -> count > cores).toList(), binding, Map.of("OMPI_MCA_pml", "ob1"));
        return new ScalingResult(ScalingResult.KIND, "b", state, "2026-01-02T03:04:05Z", "2026-01-02T03:14:05Z", 0.25, setup,
                runs);
    }
}
