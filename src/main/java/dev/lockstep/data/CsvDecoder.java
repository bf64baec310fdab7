package dev.lockstep.data;

import dev.lockstep.InvalidInputException;
import dev.lockstep.data.CsvEncoding.Categorical;
import dev.lockstep.data.CsvEncoding.Classes;
import dev.lockstep.data.CsvEncoding.Column;
import dev.lockstep.data.CsvEncoding.Numeric;
import dev.lockstep.data.CsvEncoding.Target;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Turns rows of CSV files into samples, by an encoding. */
final class CsvDecoder {
    /** A column's part of a sample. */
    private interface ColumnDecoder {
        void decode(int column);
    }

    private final CsvOptions options;
    private final CsvRows rows;
    private final ColumnDecoder[] columns;
    /** The features of the last row. */
    private final float[] features;
    /** The targets of the last row that are numbers. */
    private final float[] targets;
    private int label;
    private int largestLabel = -1;
    private int largestLabelSample = -1;

    CsvDecoder(CsvEncoding encoding, CsvRows rows) {
        options = encoding.options();
        this.rows = rows;
        columns = new ColumnDecoder[encoding.columns().size()];
        features = new float[encoding.features()];
        targets = new float[encoding.targets()];
        int first = 0;
        for (int i = 0; i < columns.length; i++) {
            Column column = encoding.columns().get(i);
            columns[i] = decoder(column, first);
            first += column.features();
        }
    }

    private ColumnDecoder decoder(Column column, int first) {
        if (column instanceof Numeric numeric) {
            double mean = options.standardize() ? numeric.mean() : 0;
            double deviation = options.standardize() ? numeric.standardDeviation() : 1;
            return index -> features[first] = narrowed(index, (number(index, numeric.mean()) - mean) / deviation);
        }
        if (column instanceof Categorical categorical) {
            return new OneHot(categorical, first);
        }
        if (column instanceof Classes classes) {
            CategoryTable table = table(classes.classes());
            return index -> label = label(table, index);
        }
        if (column instanceof Target target) {
            int output = options.target().indexOf(target.name());
            return index -> targets[output] = narrowed(index, number(index, Double.NaN));
        }
        return index -> { };
    }

    private static CategoryTable table(List<String> texts) {
        CategoryTable table = new CategoryTable();
        for (String text : texts) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            table.add(bytes, 0, bytes.length);
        }
        return table;
    }

    /** Decodes the row that the rows are at. */
    void decode() {
        for (int column = 0; column < columns.length; column++) {
            columns[column].decode(column);
        }
    }

    /** Of the last row; the next overwrites them. */
    float[] features() {
        return features;
    }

    /** Appends the target of the last row. */
    void putTarget(ByteBuffer block) {
        if (options.classes()) {
            block.putInt(label);
            return;
        }
        for (float target : targets) {
            block.putFloat(target);
        }
    }

    /** Of all rows so far. */
    int largestLabel() {
        return largestLabel;
    }

    /** The first row that has it. */
    int largestLabelSample() {
        return largestLabelSample;
    }

    /** @param replacement of a missing one; NaN where none may be */
    private double number(int column, double replacement) {
        double number = rows.number(column);
        if (!Double.isNaN(number)) {
            return number;
        }
        if (!options.impute() || Double.isNaN(replacement)) {
            throw rows.missing(column);
        }
        return replacement;
    }

    private float narrowed(int column, double number) {
        float narrowed = (float) number;
        if (Float.isInfinite(narrowed)) {
            throw rows.row().invalid("column " + rows.name(column) + " holds a number that becomes " + number
                    + ", too large for a float", "correct it");
        }
        return narrowed;
    }

    private final class OneHot implements ColumnDecoder {
        private final CategoryTable table;
        private final int first;
        private final int mostFrequent;
        /** The feature that is 1; -1 if none is. */
        private int hot = -1;

        OneHot(Categorical column, int first) {
            table = table(column.categories());
            this.first = first;
            mostFrequent = column.categories().indexOf(column.mostFrequent());
        }

        @Override
        public void decode(int column) {
            if (hot >= 0) {
                features[hot] = 0;
            }
            int category = category(column);
            hot = category < 0 ? -1 : first + category;
            if (hot >= 0) {
                features[hot] = 1;
            }
        }

        private int category(int column) {
            if (rows.isMissing(column)) {
                if (!options.impute()) {
                    throw rows.missing(column);
                }
                return mostFrequent;
            }
            int category = table.find(rows.row().bytes(), rows.row().start(column), rows.row().end(column));
            if (category < 0 && !options.ignoreUnknown()) {
                throw unknown("category", column, "or set data.train.unknown-categories to ignore");
            }
            return category;
        }
    }

    private int label(CategoryTable classes, int column) {
        if (rows.isMissing(column)) {
            throw rows.missing(column);
        }
        int found = classes.find(rows.row().bytes(), rows.row().start(column), rows.row().end(column));
        if (found < 0) {
            throw unknown("class", column, "or remove the row");
        }
        if (found > largestLabel) {
            largestLabel = found;
            largestLabelSample = rows.count() - 1;
        }
        return found;
    }

    private InvalidInputException unknown(String what, int column, String orElse) {
        return rows.row().invalid("column " + rows.name(column) + " holds the " + what + " " + rows.row().excerpt(column)
                + ", which the training split has not", "correct it, " + orElse);
    }
}
