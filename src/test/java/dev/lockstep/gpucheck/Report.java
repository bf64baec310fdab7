package dev.lockstep.gpucheck;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The table: figures beside what they are compared with, and what is wanted of their ratio. */
final class Report {
    /** @param beside the figure to divide by; null where {@code figure} itself is judged */
    private record Row(String title, String figure, String beside, double wanted, boolean atLeast) {
        static Row faster(String title, String figure, String beside, double wanted) {
            return new Row(title, figure, beside, wanted, true);
        }

        static Row same(String title, String figure) {
            return new Row(title, figure, null, GpuCheck.LOSS_TOLERANCE, false);
        }
    }

    private static final List<Row> ROWS = List.of(
            Row.same("losses of 20 steps: 1 rank, to the CPU's", "loss_difference_1_rank"),
            Row.same("losses: 2 ranks, overlap", "loss_difference_2_ranks_overlap"),
            Row.same("losses: 2 ranks, no overlap", "loss_difference_2_ranks_no_overlap"),
            Row.faster("small steps/s, to PyTorch eager", "small_steps_per_second", "pytorch_small_eager_fp32", 5),
            Row.faster("small steps/s, to PyTorch CUDA graph", "small_steps_per_second", "pytorch_small_graph_fp32", 1),
            Row.faster("small steps/s, to torch.compile", "small_steps_per_second", "pytorch_small_compile_fp32", 1),
            Row.faster("large fp32 samples/s, to its GEMMs", "large_fp32", "large_fp32_gemm", 0.9),
            Row.faster("large tf32 samples/s, to its GEMMs", "large_tf32", "large_tf32_gemm", 0.9),
            Row.faster("large bf16 samples/s, to its GEMMs", "large_bf16", "large_bf16_gemm", 0.85),
            Row.faster("large fp32, to PyTorch eager", "large_fp32", "pytorch_large_eager_fp32", 1),
            Row.faster("large tf32, to PyTorch eager", "large_tf32", "pytorch_large_eager_tf32", 1),
            Row.faster("large bf16, to PyTorch eager", "large_bf16", "pytorch_large_eager_bf16", 1),
            Row.faster("large fp32, to torch.compile", "large_fp32", "pytorch_large_compile_fp32", 1),
            Row.faster("large tf32, to torch.compile", "large_tf32", "pytorch_large_compile_tf32", 1),
            Row.faster("large bf16, to torch.compile", "large_bf16", "pytorch_large_compile_bf16", 1));

    private Report() {}

    static void print(JsonNode findings, PrintStream out) {
        out.println();
        if (!findings.path("kind").asText().equals("gpu-check")) {
            out.println("A REHEARSAL on the CPU, of small models: the verdicts mean nothing.");
        }
        out.printf("%-42s %12s %12s %10s %9s  %s%n", "figure", "Lockstep", "beside", "judged", "wanted", "verdict");
        JsonNode figures = findings.path("figures");
        for (Row row : ROWS) {
            JsonNode ours = figures.path(row.figure);
            JsonNode theirs = row.beside == null ? null : figures.path(row.beside);
            boolean measured = ours.isNumber() && (theirs == null || theirs.isNumber());
            double judged = !measured ? Double.NaN : ours.asDouble() / (theirs == null ? 1 : theirs.asDouble());
            boolean met = row.atLeast ? judged >= row.wanted : judged <= row.wanted;
            out.printf("%-42s %12s %12s %10s %9s  %s%n", row.title, number(ours), number(theirs),
                    measured ? number(judged) : "-", (row.atLeast ? ">= " : "<= ") + number(row.wanted),
                    !measured ? "not measured" : met ? "met" : "NOT MET");
        }
        out.println();
        for (Map.Entry<String, JsonNode> part : findings.path("parts").properties()) {
            out.printf(Locale.ROOT, "%-12s %6.1f s  %s%n", part.getKey(), part.getValue().path("seconds").asDouble(),
                    part.getValue().path("ok").asBoolean() ? "done" : "FAILED: " + part.getValue().path("reason").asText());
        }
        for (Map.Entry<String, JsonNode> reason : findings.path("reasons").properties()) {
            out.println("no " + reason.getKey() + ": " + reason.getValue().asText());
        }
        JsonNode tests = findings.path("tests");
        out.println(!tests.isObject() ? "tests: not counted" : "tests: " + tests.path("passed") + " passed, "
                + tests.path("failed") + " failed, " + tests.path("skipped") + " skipped");
        tests.path("failures").forEach(failure -> out.println("  FAILED: " + failure.asText()));
    }

    private static String number(JsonNode figure) {
        return figure != null && figure.isNumber() ? number(figure.asDouble()) : "-";
    }

    private static String number(double value) {
        return Math.abs(value) >= 1000 ? String.format(Locale.ROOT, "%,.0f", value) : String.format(Locale.ROOT, "%.3g", value);
    }
}
