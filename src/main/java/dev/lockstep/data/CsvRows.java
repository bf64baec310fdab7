package dev.lockstep.data;

import dev.lockstep.InvalidInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The rows of the CSV files of a split, one after the other; all files have the same columns. */
final class CsvRows implements AutoCloseable {
    private static final int NAMED = 8;
    private static final String WITHOUT_COMMA = "write 1234.5 where it says 1234,5 or 1,234.5";

    private final List<Path> files;
    private final CsvOptions options;
    private final CategoryTable missingValues = new CategoryTable();
    /** Whether a missing value begins with the byte: few fields do, so that few are looked up. */
    private final boolean[] beginsMissing = new boolean[256];
    /** Whether a missing value is written as a number, such as -999. */
    private boolean numbersMayBeMissing;
    private final List<Long> sums = new ArrayList<>();
    /** Null until the first file is open. */
    private List<String> columns;
    /** Where the columns come from, for messages. */
    private String namedBy;
    private CsvFile file;
    private long rows;

    /** Opens the first file, whose columns count for all. */
    CsvRows(List<Path> files, CsvOptions options) {
        this(files, options, null, null);
    }

    /**
     * @param columns that the files must have
     * @param namedBy where these come from
     */
    CsvRows(List<Path> files, CsvOptions options, List<String> columns, String namedBy) {
        this.files = files;
        this.options = options;
        this.columns = columns;
        this.namedBy = namedBy;
        for (String text : options.missingValues()) {
            byte[] bytes = text.strip().getBytes(StandardCharsets.UTF_8);
            if (bytes.length > 0) {
                missingValues.add(bytes, 0, bytes.length);
                beginsMissing[Byte.toUnsignedInt(bytes[0])] = true;
                numbersMayBeMissing |= !Double.isNaN(Decimal.parse(bytes, 0, bytes.length));
            }
        }
        open();
    }

    List<String> columns() {
        return columns;
    }

    /** Goes to the next row; false if there is none. */
    boolean next() {
        while (!file.next()) {
            sums.add(file.sum());
            file.close();
            if (sums.size() == files.size()) {
                return false;
            }
            open();
        }
        if (file.fields() != columns.size()) {
            throw ragged();
        }
        if (++rows > Integer.MAX_VALUE) {
            throw file.invalid("there are more rows than can be numbered", "use fewer");
        }
        return true;
    }

    /** The file of the last row; it tells the row's fields. */
    CsvFile row() {
        return file;
    }

    /** Up to the last one. */
    int count() {
        return (int) rows;
    }

    /** Sums over the bytes of the files that are read. */
    List<Long> sums() {
        return sums;
    }

    /**
     * The number in a column of the row; NaN where its value is missing.
     *
     * @throws InvalidInputException if it holds something else
     */
    double number(int column) {
        return file.isNumber(column) ? file.number(column) : parsed(column);
    }

    private double parsed(int column) {
        byte[] bytes = file.bytes();
        int start = trimmedStart(column);
        int end = trimmedEnd(column, start);
        if (isMissing(bytes, start, end)) {
            return Double.NaN;
        }
        double number = Decimal.parse(bytes, start, end);
        if (Double.isNaN(number)) {
            throw noNumber(column);
        }
        if (Double.isInfinite(number)) {
            throw file.invalid("column " + name(column) + " holds " + file.excerpt(column) + ", which is too large",
                    "correct it");
        }
        return number;
    }

    /** Whether the value of a column of the row is missing. */
    boolean isMissing(int column) {
        int start = trimmedStart(column);
        return isMissing(file.bytes(), start, trimmedEnd(column, start));
    }

    private int trimmedStart(int column) {
        int start = file.start(column);
        int end = file.end(column);
        while (start < end && isSpace(file.bytes()[start])) {
            start++;
        }
        return start;
    }

    private int trimmedEnd(int column, int start) {
        int end = file.end(column);
        while (start < end && isSpace(file.bytes()[end - 1])) {
            end--;
        }
        return end;
    }

    private boolean isMissing(byte[] bytes, int start, int end) {
        return start == end
                || beginsMissing[Byte.toUnsignedInt(bytes[start])] && missingValues.find(bytes, start, end) >= 0;
    }

    private static boolean isSpace(byte b) {
        return b == ' ' || b == '\t';
    }

    /** The column's name as messages show it. */
    String name(int column) {
        return Utf8.quoted(columns.get(column));
    }

    InvalidInputException missing(int column) {
        return file.invalid("column " + name(column) + " has no value" + (file.start(column) == file.end(column) ? ""
                : " (" + file.excerpt(column) + ")"), isTarget(column) ? "remove the row: a target cannot be replaced"
                        : "correct it, or set data.train.missing to impute");
    }

    private boolean isTarget(int column) {
        return options.target().contains(columns.get(column));
    }

    /** Where a column is forgotten, more may be: all of the row that hold no number are named, by what they hold instead. */
    private InvalidInputException noNumber(int column) {
        boolean comma = hasComma(column);
        if (isTarget(column)) {
            return file.invalid("the target " + problem(List.of(column)), comma ? WITHOUT_COMMA
                    : "correct it; classes go with loss: cross-entropy");
        }
        // A target is not to become categories or be dropped: its turn comes where it alone holds no number.
        Map<Boolean, List<Integer>> found = IntStream.range(column, columns.size()).filter(this::holdsNoNumber)
                .filter(i -> !isTarget(i) || hasComma(i)).boxed()
                .collect(Collectors.partitioningBy(i -> hasComma(i) == comma));
        List<Integer> alike = found.get(true);
        List<Integer> others = found.get(false);
        return file.invalid("column " + problem(alike) + (others.isEmpty() ? "" : "; column " + problem(others)),
                advice(alike, "it") + (others.isEmpty() ? "" : "; " + advice(others, name(others.get(0)))));
    }

    private boolean holdsNoNumber(int column) {
        int start = trimmedStart(column);
        return isNumeric(column) && !isMissing(column)
                && Double.isNaN(Decimal.parse(file.bytes(), start, trimmedEnd(column, start)));
    }

    /** What is wrong with columns that all hold commas, or all none. */
    private String problem(List<Integer> alike) {
        int first = alike.get(0);
        String also = alike.stream().skip(1).limit(NAMED).map(this::name).collect(Collectors.joining(", "));
        return name(first) + " holds " + file.excerpt(first)
                + (hasComma(first) ? ", and numbers here have no commas" : ", which is no number")
                + (also.isEmpty() ? "" : "; the same goes for " + also + (alike.size() > NAMED + 1 ? ", …" : ""));
    }

    private String advice(List<Integer> alike, String first) {
        return hasComma(alike.get(0)) ? WITHOUT_COMMA
                : "correct " + first + ", or name such columns in data.train.categorical or data.train.drop";
    }

    /** Whether the column would hold a number but for the commas that some write for the point, or for thousands. */
    private boolean hasComma(int column) {
        int start = trimmedStart(column);
        String text = new String(file.bytes(), start, trimmedEnd(column, start) - start, StandardCharsets.ISO_8859_1);
        byte[] digits = text.replace(",", "").getBytes(StandardCharsets.ISO_8859_1);
        return digits.length < text.length() && !Double.isNaN(Decimal.parse(digits, 0, digits.length));
    }

    private boolean isNumeric(int column) {
        String name = columns.get(column);
        return isTarget(column) ? !options.classes() : !options.categorical().contains(name)
                && !options.drop().contains(name);
    }

    /** The columns whose numbers need not be held against missing values. */
    private boolean[] numericColumns() {
        boolean[] numeric = new boolean[columns.size()];
        for (int i = 0; i < numeric.length && !numbersMayBeMissing; i++) {
            numeric[i] = isNumeric(i);
        }
        return numeric;
    }

    private void open() {
        Path path = files.get(sums.size());
        file = CsvFile.open(path, (byte) options.delimiter());
        try {
            if (options.header()) {
                if (!file.next()) {
                    throw new InvalidInputException(path + " holds no header; " + DataFile.GET_AGAIN);
                }
                requireColumns(header(), path);
            } else if (columns == null) {
                try (CsvFile first = CsvFile.open(path, (byte) options.delimiter())) {
                    if (!first.next()) {
                        throw new InvalidInputException(path + " holds no rows; " + DataFile.GET_AGAIN);
                    }
                    columns = positions(first.fields());
                    namedBy = path.toString();
                }
            }
            file.expect(numericColumns());
        } catch (InvalidInputException e) {
            file.close();
            throw e;
        }
    }

    private static List<String> positions(int count) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            names.add("" + i);
        }
        return List.copyOf(names);
    }

    private List<String> header() {
        if (file.fields() > CsvFile.MOST_FIELDS) {
            throw file.invalid("the header has " + file.fields() + " columns, more than the " + CsvFile.MOST_FIELDS
                    + " that can be read", "check the quotes in it");
        }
        List<String> names = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        for (int i = 0; i < file.fields(); i++) {
            int column = i;
            String name = Utf8.decode(file.bytes(), file.start(i), file.end(i)).orElseThrow(() -> file.invalid("the name "
                    + file.excerpt(column) + " of column " + column + " is not UTF-8 text", "save the file as UTF-8"));
            // As pandas calls it; its to_csv leaves the index without a name.
            name = name.isEmpty() ? "Unnamed: " + i : name;
            if (!seen.add(name)) {
                throw file.invalid("two columns are named " + Utf8.quoted(name), "rename one");
            }
            names.add(name);
        }
        return names;
    }

    private void requireColumns(List<String> names, Path path) {
        if (columns == null) {
            columns = List.copyOf(names);
            namedBy = path.toString();
        }
        if (names.size() != columns.size()) {
            throw file.invalid("there are " + names.size() + " columns, but " + columns.size() + " in " + namedBy,
                    "name files with the same columns");
        }
        for (int i = 0; i < names.size(); i++) {
            if (!names.get(i).equals(columns.get(i))) {
                throw file.invalid("column " + i + " is " + Utf8.quoted(names.get(i)) + ", but " + name(i) + " in "
                        + namedBy,
                        "name files with the same columns in the same order");
            }
        }
    }

    private InvalidInputException ragged() {
        return file.invalid("the row has " + file.fields() + (file.fields() == 1 ? " field" : " fields") + ", but there are "
                + columns.size() + " columns", "check its delimiters and quotes");
    }

    /** The column of that name. */
    int indexOf(String name, String key) {
        int index = columns.indexOf(name);
        if (index < 0) {
            throw new InvalidInputException(namedBy + " has no column " + Utf8.quoted(name) + ", which data.train." + key
                    + " names; its columns are " + columns.stream().limit(NAMED).map(Utf8::quoted)
                    .collect(Collectors.joining(", "))
                    + (columns.size() > NAMED ? ", …" : ""));
        }
        return index;
    }

    @Override
    public void close() {
        file.close();
    }
}
