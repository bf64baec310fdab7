package dev.lockstep.data;

import dev.lockstep.InvalidInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Finds what the columns of a training split become: one pass over all its rows. Every rank makes it over the whole split, so
 * that all come to the same encoding, bit for bit, and so does a run on another number of ranks.
 */
final class CsvFit {
    static final int MOST_CATEGORIES = 10_000;

    /** A column while its values go by. */
    private interface ColumnFit {
        void add(int column);

        CsvEncoding.Column result();
    }

    /**
     * What was found.
     *
     * @param sums over the files' bytes
     */
    record Result(CsvEncoding encoding, int rows, List<Long> sums) {
    }

    private final CsvOptions options;
    private final CsvRows rows;
    private final String description;

    private CsvFit(CsvOptions options, CsvRows rows, String description) {
        this.options = options;
        this.rows = rows;
        this.description = description;
    }

    /** @param description of the split, for messages */
    static Result of(List<Path> files, CsvOptions options, String description) {
        try (CsvRows rows = new CsvRows(files, options)) {
            return new CsvFit(options, rows, description).fit();
        }
    }

    private Result fit() {
        ColumnFit[] fits = fits();
        while (rows.next()) {
            for (int column = 0; column < fits.length; column++) {
                fits[column].add(column);
            }
        }
        if (rows.count() == 0) {
            throw new InvalidInputException(description + " holds no rows; " + DataFile.GET_AGAIN);
        }
        CsvEncoding encoding = new CsvEncoding(options, Arrays.stream(fits).map(ColumnFit::result).toList());
        return new Result(encoding, rows.count(), rows.sums());
    }

    private ColumnFit[] fits() {
        List<String> names = rows.columns();
        ColumnFit[] fits = new ColumnFit[names.size()];
        options.target().forEach(name -> fits[rows.indexOf(name, "target")] =
                options.classes() ? new CategoryFit(name, true) : new TargetFit(name));
        options.categorical().forEach(name -> fits[rows.indexOf(name, "categorical")] = new CategoryFit(name, false));
        options.drop().forEach(name -> fits[rows.indexOf(name, "drop")] = new DropFit(name));
        boolean feature = false;
        for (int column = 0; column < fits.length; column++) {
            fits[column] = fits[column] == null ? new NumberFit(names.get(column)) : fits[column];
            feature |= fits[column] instanceof NumberFit || fits[column] instanceof CategoryFit fit && !fit.target;
        }
        if (!feature) {
            throw new InvalidInputException(description + " has no column but the target and those that data.train.drop"
                    + " names; check data.train.delimiter and data.train.drop");
        }
        return fits;
    }

    private record DropFit(String name) implements ColumnFit {
        @Override
        public void add(int column) {
            // It is not looked at.
        }

        @Override
        public CsvEncoding.Column result() {
            return new CsvEncoding.Dropped(name);
        }
    }

    private final class TargetFit implements ColumnFit {
        private final String name;

        TargetFit(String name) {
            this.name = name;
        }

        @Override
        public void add(int column) {
            if (Double.isNaN(rows.number(column))) {
                throw rows.missing(column);
            }
        }

        @Override
        public CsvEncoding.Column result() {
            return new CsvEncoding.Target(name);
        }
    }

    private final class NumberFit implements ColumnFit {
        private final String name;
        private final Moments moments = new Moments();

        NumberFit(String name) {
            this.name = name;
        }

        @Override
        public void add(int column) {
            double number = rows.number(column);
            if (!Double.isNaN(number)) {
                moments.add(number);
            } else if (!options.impute()) {
                throw rows.missing(column);
            }
        }

        @Override
        public CsvEncoding.Column result() {
            requireValues(name, moments.count());
            double mean = moments.mean();
            double deviation = moments.standardDeviation(rows.count());
            if (!Double.isFinite(mean) || !Double.isFinite(deviation)) {
                throw new InvalidInputException("column " + Utf8.quoted(name) + " of " + description + " holds numbers too large"
                        + " for their mean and standard deviation to be computed; correct them, or name the column in"
                        + " data.train.drop");
            }
            return new CsvEncoding.Numeric(name, mean, deviation == 0 ? 1 : deviation);
        }
    }

    private final class CategoryFit implements ColumnFit {
        private final String name;
        private final boolean target;
        private final CategoryTable categories = new CategoryTable();
        private int[] counts = new int[16];

        CategoryFit(String name, boolean target) {
            this.name = name;
            this.target = target;
        }

        @Override
        public void add(int column) {
            if (rows.isMissing(column)) {
                if (target || !options.impute()) {
                    throw rows.missing(column);
                }
                return;
            }
            CsvFile row = rows.row();
            int category = categories.find(row.bytes(), row.start(column), row.end(column));
            category = category >= 0 ? category : addCategory(row, column);
            counts[category]++;
        }

        private int addCategory(CsvFile row, int column) {
            if (categories.size() == MOST_CATEGORIES) {
                throw row.invalid("column " + rows.name(column) + " has more than " + MOST_CATEGORIES + " different values", target
                        ? "choose another data.train.target, or loss: mse for one that is a number"
                        : "take it out of data.train.categorical, or name it in data.train.drop");
            }
            if (Utf8.decode(row.bytes(), row.start(column), row.end(column)).isEmpty()) {
                throw row.invalid("column " + rows.name(column) + " holds " + row.excerpt(column) + ", which is not UTF-8 text",
                        "save the file as UTF-8");
            }
            int category = categories.add(row.bytes(), row.start(column), row.end(column));
            if (category == counts.length) {
                counts = Arrays.copyOf(counts, 2 * category);
            }
            return category;
        }

        @Override
        public CsvEncoding.Column result() {
            requireValues(name, categories.size());
            List<Integer> order = IntStream.range(0, categories.size()).boxed().sorted(order()).toList();
            List<String> texts = order.stream().map(this::text).toList();
            if (target) {
                return new CsvEncoding.Classes(name, texts);
            }
            // The first of several, as max() alone would not tell.
            int most = order.stream().mapToInt(category -> counts[category]).max().getAsInt();
            return new CsvEncoding.Categorical(name, texts,
                    text(order.stream().filter(category -> counts[category] == most).findFirst().orElseThrow()));
        }

        private String text(int category) {
            return new String(categories.text(category), StandardCharsets.UTF_8);
        }

        /** By value where all are numbers, as 2 before 10; else by code points, which is the order of the bytes. */
        private Comparator<Integer> order() {
            Comparator<Integer> byText = Comparator.comparing(categories::text, Arrays::compareUnsigned);
            double[] values = new double[categories.size()];
            for (int i = 0; i < values.length; i++) {
                values[i] = Decimal.parse(categories.text(i), 0, categories.text(i).length);
                if (Double.isNaN(values[i])) {
                    return byText;
                }
            }
            return Comparator.<Integer>comparingDouble(i -> values[i]).thenComparing(byText);
        }
    }

    private void requireValues(String name, long values) {
        if (values == 0) {
            throw new InvalidInputException("column " + Utf8.quoted(name) + " of " + description + " has no value in any row;"
                    + " name it in data.train.drop");
        }
    }
}
