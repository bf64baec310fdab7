package dev.lockstep.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** A confusion matrix to look at. */
final class ConfusionTable {
    /** What fits beside each other on a wide terminal. */
    private static final int MOST_COLUMNS = 20;
    private static final int MOST_CONFUSIONS = 20;

    private ConfusionTable() {
    }

    /** The whole matrix with each class's recall; of many classes the commonest confusions. */
    static List<String> lines(long[][] counts) {
        return counts.length <= MOST_COLUMNS ? table(counts) : confusions(counts);
    }

    private static List<String> table(long[][] counts) {
        long largest = Arrays.stream(counts).flatMapToLong(Arrays::stream).max().orElse(0);
        int width = 2 + Math.max(2, Long.toString(largest).length());
        List<String> lines = new ArrayList<>();
        lines.add("a row for each class, a column for each class that was predicted:");
        StringBuilder header = new StringBuilder("class");
        for (int column = 0; column < counts.length; column++) {
            header.append(String.format(Locale.ROOT, "%" + width + "d", column));
        }
        lines.add(header.append("    recall").toString());
        for (int row = 0; row < counts.length; row++) {
            StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "%5d", row));
            for (long count : counts[row]) {
                line.append(String.format(Locale.ROOT, "%" + width + "d", count));
            }
            long samples = Arrays.stream(counts[row]).sum();
            line.append(samples == 0 ? "         -"
                    : String.format(Locale.ROOT, "%8.2f %%", 100.0 * counts[row][row] / samples));
            lines.add(line.toString());
        }
        return lines;
    }

    private record Confusion(int label, int prediction, long count, long samples) {
    }

    private static List<String> confusions(long[][] counts) {
        List<Confusion> all = new ArrayList<>();
        for (int row = 0; row < counts.length; row++) {
            long samples = Arrays.stream(counts[row]).sum();
            for (int column = 0; column < counts.length; column++) {
                if (row != column && counts[row][column] > 0) {
                    all.add(new Confusion(row, column, counts[row][column], samples));
                }
            }
        }
        List<String> lines = new ArrayList<>();
        lines.add("the commonest confusions (the whole matrix comes with --json):");
        all.stream().sorted(Comparator.comparingLong(Confusion::count).reversed()).limit(MOST_CONFUSIONS)
                .map(confusion -> String.format(Locale.ROOT, "class %d as %d: %,d of %,d samples", confusion.label,
                        confusion.prediction, confusion.count, confusion.samples))
                .forEach(lines::add);
        return lines;
    }
}
