package dev.lockstep.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.report.Breakdown;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** A scaling benchmark's rows for other programs: as comma-separated values, or by name. */
final class ScalingCsv {
    /** What a run says of itself, by its key there and as the column's name. */
    private static final List<String> TOLD = List.of("hosts", "cores", "device", "threads", "precision", "overlap",
            "reduction",
            "batch_size", "global_batch", "parameters", "gradient_bytes", "first_bucket_bytes", "bucket_bytes",
            "chunk_bytes", "chunks", "resident_bytes");

    private ScalingCsv() {
    }

    static String of(ScalingResult result) {
        List<Map<String, Object>> rows = rows(result);
        return line(rows.get(0).keySet()) + rows.stream().map(row -> line(row.values())).collect(Collectors.joining());
    }

    /** Each with the same columns in the same order; what was not measured is null. */
    static List<Map<String, Object>> rows(ScalingResult result) {
        return ScalingTable.of(result).rows().stream().map(row -> row(result, row)).toList();
    }

    private static Map<String, Object> row(ScalingResult result, ScalingRow row) {
        ScalingResult.Setup setup = result.setup();
        Map<String, Object> cells = new LinkedHashMap<>();
        cells.put("scaling", setup.scaling().name().toLowerCase(Locale.ROOT));
        cells.put("ranks", row.ranks());
        cells.put("status", row.statusText());
        cells.put("reason", row.reason());
        cells.put("more_ranks_than_cores", row.oversubscribed());
        cells.put("repeats", row.repeats());
        cells.put("steps", row.measured().map(ScalingRow.Measured::steps).orElse(null));
        put(cells, "step_seconds", row.measured().map(ScalingRow.Measured::stepSeconds).orElse(null));
        put(cells, "samples_per_second", row.measured().map(ScalingRow.Measured::samplesPerSecond).orElse(null));
        put(cells, "efficiency", row.efficiency().orElse(null));
        cells.put("base_ranks", setup.baseRanks());
        Breakdown breakdown = row.measured().flatMap(ScalingRow.Measured::breakdown).orElse(null);
        for (String part : Breakdown.partNames()) {
            cells.put(part.replace(' ', '_') + "_seconds", breakdown == null ? null : breakdown.seconds().get(part));
        }
        cells.put("optimizer_seconds", breakdown == null ? null : breakdown.optimizer());
        boolean hides = breakdown != null && breakdown.hiddenFraction().isPresent();
        cells.put("hidden_fraction", hides ? breakdown.hiddenFraction().getAsDouble() : null);
        cells.put("gflops", breakdown == null ? null : breakdown.gigaflops());
        cells.put("gemm_share", breakdown == null ? null : breakdown.gemmShare());
        for (String key : TOLD) {
            cells.put(key, row.measured().map(measured -> measured.line().get(key)).orElse(null));
        }
        cells.put("cores_per_rank", setup.coresPerRank());
        cells.put("binding", setup.binding().get(row.ranks()));
        cells.put("cpus", row.measured().map(ScalingRow.Measured::cpus).orElse(null));
        cells.put("launcher", setup.launcher());
        cells.put("mpi", row.measured().map(measured -> measured.line().path("environment").get("mpi")).orElse(null));
        cells.put("mpi_algorithm", setup.mpiParameters("coll"));
        cells.put("version", setup.version());
        cells.put("commit", setup.commit());
        cells.put("started", result.started());
        cells.put("state", result.state().name().toLowerCase(Locale.ROOT));
        return cells;
    }

    private static void put(Map<String, Object> cells, String name, Estimate estimate) {
        cells.put(name, estimate == null ? null : estimate.value());
        cells.put(name + "_low", estimate == null ? null : estimate.low());
        cells.put(name + "_high", estimate == null ? null : estimate.high());
    }

    private static String line(Iterable<?> cells) {
        List<String> texts = new ArrayList<>();
        cells.forEach(cell -> texts.add(quoted(cell == null ? "" : cell instanceof JsonNode node ? node.asText()
                : cell.toString())));
        return String.join(",", texts) + "\n";
    }

    /** As RFC 4180 has it. */
    private static String quoted(String text) {
        return text.matches("[^,\"\r\n]*") ? text : '"' + text.replace("\"", "\"\"") + '"';
    }
}
