package dev.lockstep.cli;

import dev.lockstep.bench.PredictionResult;
import dev.lockstep.bench.ScalingForecast;
import dev.lockstep.job.Units;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

/** A prediction for a person; what is predicted says so in each row. */
final class PredictionReport {
    private PredictionReport() {
    }

    static void print(PrintWriter out, PredictionResult result) {
        out.println("within a host   "
                + describe(result.hostBytesPerSecond(), "%.2f GB/s", 1e-9, result.hostLatencySeconds()));
        out.println("between hosts   " + (result.linkGoodput() == null
                ? describe(result.linkBytesPerSecond(), "%.3f GB/s", 1e-9, result.linkLatencySeconds())
                : describe(result.linkGoodput(), "%.1f %% of the nominal rate", 100, result.linkLatencySeconds())));
        out.printf(Locale.ROOT, "moving bytes    costs the computing %.3f ns a byte within a host, %.3f over a link%n%n",
                result.stolenSecondsPerHostByte() * 1e9, result.stolenSecondsPerLinkByte() * 1e9);
        out.printf("%-24s %6s %6s %7s %10s %10s %8s %12s %12s %8s%n", "measured point", "ranks", "hosts", "batch", "chunk",
                "link", "overlap", "measured/ms", "predicted/ms", "error");
        for (PredictionResult.Point point : result.points()) {
            out.printf(Locale.ROOT, "%-24s %6d %6d %7d %10s %10s %8s %12.3f %12.3f %7.1f%%%s%n", point.name(), point.ranks(),
                    point.hosts(), point.batchSize(), point.ranks() == 1 ? "-" : Units.BYTES.format(point.chunkBytes()),
                    point.linkRate() == null ? "-" : point.linkRate(), point.overlap() ? "on" : "off",
                    point.measuredSeconds() * 1e3, point.predictedSeconds() * 1e3, point.error() * 100,
                    point.fitted() ? "  (fitted)" : "");
        }
        result.notes().forEach(note -> out.println("note: " + note));
        String hosts = result.ranksPerHost() + (result.ranksPerHost() == 1 ? " rank" : " ranks") + " a host"
                + (result.forecastLinkBytesPerSecond() == null ? "" : String.format(Locale.ROOT, ", %.3g Gbit/s a host",
                        result.forecastLinkBytesPerSecond() * Byte.SIZE * 1e-9));
        if (result.mostRanks() < result.mostRanksWanted()) {
            out.printf(Locale.ROOT, "%nno point over several hosts: nothing is predicted beyond one host, of %d ranks%n",
                    result.mostRanks());
        }
        print(out, "weak scaling, " + hosts, result.weak());
        print(out, "strong scaling, " + hosts, result.strong());
    }

    /** @param bandwidth null where none was found */
    private static String describe(Double bandwidth, String format, double factor, double latencySeconds) {
        if (bandwidth == null && latencySeconds == 0) {
            return "not measured";
        }
        String found = bandwidth == null ? "no time that grows with the bytes"
                : String.format(Locale.ROOT, format, bandwidth * factor);
        return found + String.format(Locale.ROOT, ", %.1f us a message", latencySeconds * 1e6);
    }

    private static void print(PrintWriter out, String title, List<ScalingForecast.Row> rows) {
        out.printf("%n%s%n%-10s %6s %6s %7s %12s %14s %11s%n", title, "", "ranks", "hosts", "batch", "step/ms", "samples/s",
                "efficiency");
        for (ScalingForecast.Row row : rows) {
            out.printf(Locale.ROOT, "%-10s %6d %6d %7d %12.3f %14.0f %11.3f%n", "predicted", row.ranks(), row.hosts(),
                    row.batchSize(), row.stepSeconds() * 1e3, row.samplesPerSecond(), row.efficiency());
        }
    }
}
