package dev.lockstep.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Something besides the number of ranks that decides how fast a step is, and should be the same for all of them.
 *
 * @param values with the numbers of ranks that had them; more than one value where runs of one number differ, too
 */
public record Factor(String name, Map<String, List<Integer>> values) {
    private static final Map<String, Function<JsonNode, String>> NAMES = names();

    private static Map<String, Function<JsonNode, String>> names() {
        Map<String, Function<JsonNode, String>> names = new LinkedHashMap<>();
        names.put("device", at("/device"));
        names.put("threads a rank", at("/threads"));
        names.put("precision", at("/precision"));
        // One rank has nothing to overlap with, whatever the job says.
        names.put("overlap", line -> line.path("ranks").asInt() == 1 ? "" : line.path("overlap").asText());
        names.put("reduction", line -> line.path("ranks").asInt() == 1 ? "" : line.path("reduction").asText());
        names.put("parameters", at("/parameters"));
        names.put("gradient bytes", at("/gradient_bytes"));
        names.put("first bucket, bytes", at("/first_bucket_bytes"));
        names.put("bucket, bytes", at("/bucket_bytes"));
        names.put("chunk, bytes", at("/chunk_bytes"));
        names.put("program", line -> line.at("/environment/lockstep/version").asText() + ", commit "
                + line.at("/environment/lockstep/commit").asText());
        names.put("MPI", line -> withoutRanks(line.at("/environment/mpi").asText()));
        names.put("Java", line -> line.at("/environment/java/version").asText() + ", "
                + line.at("/environment/java/vm").asText());
        names.put("CPU", at("/environment/cpu/model"));
        names.put("kernel", at("/environment/system/kernel"));
        names.put("host of rank 0", at("/environment/ranks/0/host"));
        return names;
    }

    /** @param mpi {@code "Open MPI 4.1.4, 2 ranks started by mpirun"} */
    static String withoutRanks(String mpi) {
        return mpi.replaceFirst(", [0-9]+ ranks? started", ", started");
    }

    private static Function<JsonNode, String> at(String pointer) {
        return line -> line.at(pointer).asText();
    }

    /** All that the runs tell, in a fixed order; none where no run was measured. */
    static List<Factor> of(ScalingResult result) {
        List<Factor> factors = new ArrayList<>();
        NAMES.forEach((name, value) -> {
            Map<String, List<Integer>> values = new LinkedHashMap<>();
            for (ScalingRun run : result.runs()) {
                String told = run.result() == null ? "" : value.apply(run.result());
                if (!told.isEmpty()) {
                    List<Integer> ranks = values.computeIfAbsent(told, key -> new ArrayList<>());
                    if (!ranks.contains(run.ranks())) {
                        ranks.add(run.ranks());
                    }
                }
            }
            if (!values.isEmpty()) {
                factors.add(new Factor(name, values));
            }
        });
        return factors;
    }

    boolean differs() {
        return values.size() > 1;
    }

    /** {@code "1"}, or where it differs {@code "2 (1 rank); 1 (2, 4 ranks)"}. */
    String text() {
        if (!differs()) {
            return values.keySet().iterator().next();
        }
        return values.entrySet().stream().map(value -> value.getKey() + " (" + value.getValue().stream().sorted()
                .map(String::valueOf).collect(Collectors.joining(", ")) + (value.getValue().equals(List.of(1)) ? " rank)"
                : " ranks)")).collect(Collectors.joining("; "));
    }
}
