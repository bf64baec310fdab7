package dev.lockstep.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What the columns of CSV files become, as found in all files of a training split; every other split is encoded in the same
 * way. Features are in the order of the columns.
 */
public record CsvEncoding(CsvOptions options, List<Column> columns) {
    private static final int NAMED = 6;

    /** A column of the files. */
    public sealed interface Column {
        String name();

        /** How many features it makes. */
        default int features() {
            return 0;
        }
    }

    /**
     * A feature.
     *
     * @param mean              of the values that are there
     * @param standardDeviation of the population, missing values taken for the mean; 1 where all values are the same
     */
    public record Numeric(String name, double mean, double standardDeviation) implements Column {
        @Override
        public int features() {
            return 1;
        }
    }

    /**
     * As many features, all 0 but that of the row's category, which is 1.
     *
     * @param categories   by value if all are numbers, else by their code points
     * @param mostFrequent the first of the most frequent
     */
    public record Categorical(String name, List<String> categories, String mostFrequent) implements Column {
        public Categorical {
            categories = List.copyOf(categories);
        }

        @Override
        public int features() {
            return categories.size();
        }
    }

    /** The target as labels: class i is the i-th, from 0 on, in the order of categories. */
    public record Classes(String name, List<String> classes) implements Column {
        public Classes {
            classes = List.copyOf(classes);
        }
    }

    /** A target as it stands. */
    public record Target(String name) implements Column {
    }

    /** Neither feature nor target. */
    public record Dropped(String name) implements Column {
    }

    public CsvEncoding {
        columns = List.copyOf(columns);
    }

    /** Numbers in a sample. */
    public int features() {
        return columns.stream().mapToInt(Column::features).sum();
    }

    /** Of a sample; 1 for classes. */
    public int targets() {
        return options.target().size();
    }

    List<String> names() {
        return columns.stream().map(Column::name).toList();
    }

    /** In a few words: {@code "3 numeric columns, 'colour' 4, 'size' 3"}. */
    public String summary() {
        List<String> parts = new ArrayList<>();
        long numeric = columns.stream().filter(Numeric.class::isInstance).count();
        if (numeric > 0) {
            parts.add(numeric + " numeric column" + (numeric == 1 ? "" : "s"));
        }
        List<Column> categorical = columns.stream().filter(Categorical.class::isInstance).toList();
        categorical.stream().limit(NAMED).forEach(column -> parts.add(Utf8.quoted(column.name()) + " " + column.features()));
        if (categorical.size() > NAMED) {
            parts.add((categorical.size() - NAMED) + " more categorical columns "
                    + categorical.stream().skip(NAMED).mapToInt(Column::features).sum());
        }
        return String.join(", ", parts);
    }

    /** A line for each column: its features, and what they are. */
    public List<String> table() {
        List<String> lines = new ArrayList<>();
        int first = 0;
        for (Column column : columns) {
            int count = column.features();
            String features = count == 0 ? "-" : count == 1 ? "" + first : first + "-" + (first + count - 1);
            lines.add(String.format(Locale.ROOT, "%-24s %-12s %s", Utf8.quoted(column.name()), features, describe(column)));
            first += count;
        }
        return lines;
    }

    private String describe(Column column) {
        if (column instanceof Numeric numeric) {
            return String.format(Locale.ROOT, "number, mean %.6g, standard deviation %.6g", numeric.mean(), numeric.standardDeviation())
                    + (options.standardize() ? "" : ", as it stands");
        }
        if (column instanceof Categorical categorical) {
            return count(categorical.categories(), "category", "categories");
        }
        if (column instanceof Classes classes) {
            return "target, " + count(classes.classes(), "class", "classes");
        }
        return column instanceof Target ? "target, number" : "dropped";
    }

    private static String count(List<String> texts, String one, String many) {
        return texts.size() + " " + (texts.size() == 1 ? one : many) + ": "
                + String.join(", ", texts.stream().limit(NAMED).map(Utf8::quoted).toList()) + (texts.size() > NAMED ? ", …" : "");
    }
}
