package dev.lockstep.cli;

import dev.lockstep.bench.AllReduceResult;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** What {@code bench allreduce} prints, in nccl-tests' columns, and as JSON. */
final class AllReduceReport {
    private final Environment environment;
    private final Reduction reduction;
    private final int warmUp;

    AllReduceReport(Environment environment, Reduction reduction, int warmUp) {
        this.environment = environment;
        this.reduction = reduction;
        this.warmUp = warmUp;
    }

    void printHead(PrintWriter out) {
        int ranks = environment.placements().size();
        out.println("# lockstep bench allreduce: in-place sums of float32 in host memory, " + ranks
                + (ranks == 1 ? " rank on " : " ranks on ") + hosts());
        out.println("# " + environment.mpi());
        if (reduction.isShared()) {
            out.println("# ranks of a machine sum in memory that they share; --mpi: by MPI_Allreduce");
        } else if (reduction.isNeeded()) {
            out.println("# sums " + reduction.way());
        }
        if (ranks == 1) {
            out.println("# one rank: nothing is exchanged, these are the times of the calls alone");
        }
        out.println("# time: mean over a loop after " + warmUp + " to warm up, of the rank where it is largest; sums are"
                + " checked before");
        out.println("# communication thread: from start to await, as training does beside backward; hand-over: what of"
                + " it is not the sum's own");
        out.println("# calling thread: as training does where there is nothing to overlap");
        out.println("#");
        out.printf("#%59s%43s%n", "communication thread", "calling thread");
        out.printf("#%11s %12s %7s %6s %9s %7s %7s %6s %9s   %9s %7s %7s %6s%n", "size", "count", "type", "redop", "time",
                "algbw", "busbw", "#wrong", "hand-over", "time", "algbw", "busbw", "#wrong");
        out.printf("#%11s %12s %7s %6s %9s %7s %7s %6s %9s   %9s %7s %7s%n", "(B)", "(elements)", "", "", "(us)", "(GB/s)",
                "(GB/s)", "", "(us)", "(us)", "(GB/s)", "(GB/s)");
        out.flush();
    }

    static void print(PrintWriter out, AllReduceResult result) {
        out.printf("%12d %12d %7s %6s", result.bytes(), result.elementCount(), "float", "sum");
        print(out, result, result.communicationThread());
        out.printf(Locale.ROOT, " %9.2f  ", result.communicationThread().handOverSeconds() * 1e6);
        print(out, result, result.callingThread());
        out.println();
        out.flush();
    }

    private static void print(PrintWriter out, AllReduceResult result, AllReduceResult.Timing timing) {
        out.printf(Locale.ROOT, " %9.2f %7.2f %7.2f %6d", timing.seconds() * 1e6, result.algorithmBandwidth(timing),
                result.busBandwidth(timing), timing.wrongElements());
    }

    Map<String, Object> toMap(List<AllReduceResult> results) {
        return Environment.ordered("kind", "allreduce", "ranks", environment.placements().size(), "hosts",
                environment.placements().stream().filter(placement -> placement.localRank() == 0).count(),
                "type", "float", "redop", "sum", "reduction",
                reduction.name(), "reduction_refusal", reduction.refusal(), "warmup", warmUp,
                "sizes", results.stream().map(AllReduceReport::toMap).toList(), "environment", environment.toMap());
    }

    private static Map<String, Object> toMap(AllReduceResult result) {
        return Environment.ordered("bytes", result.bytes(), "count", result.elementCount(), "iterations",
                result.iterations(), "communication_thread", toMap(result, result.communicationThread()),
                "calling_thread", toMap(result, result.callingThread()));
    }

    private static Map<String, Object> toMap(AllReduceResult result, AllReduceResult.Timing timing) {
        return Environment.ordered("seconds", timing.seconds(), "p50_seconds", timing.p50Seconds(), "p99_seconds",
                timing.p99Seconds(), "collective_seconds", timing.collectiveSeconds(), "hand_over_seconds",
                timing.handOverSeconds(), "algbw_gb_per_second", result.algorithmBandwidth(timing),
                "busbw_gb_per_second", result.busBandwidth(timing), "wrong", timing.wrongElements());
    }

    /** What is wrong with the sums; empty where all are right. */
    Optional<String> wrong(List<AllReduceResult> results) {
        long elements = results.stream().mapToLong(AllReduceResult::wrongElements).sum();
        return results.stream().filter(result -> result.wrongElements() > 0).findFirst()
                .map(result -> elements + (elements == 1 ? " element is" : " elements are")
                        + " wrong over all ranks and sizes, the first in sums of " + result.bytes() + " bytes: "
                        + (reduction.isShared() ? "sums in shared memory are not right, so training's would not be either;"
                        + " set distributed.shared-memory to false, and see with --mpi that those are"
                        : "this MPI does not sum right, so training would not either; try another transport (--mca pml,"
                        + " --mca btl) or version of it"));
    }

    private String hosts() {
        return environment.placements().stream().filter(placement -> placement.localRank() == 0)
                .map(placement -> placement.host() + " (" + placement.localSize() + ")")
                .collect(Collectors.joining(", "));
    }
}
