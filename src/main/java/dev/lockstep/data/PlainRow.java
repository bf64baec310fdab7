package dev.lockstep.data;

/**
 * The fast path through a CSV file: rows as programs write them, without quotes and with plain numbers, each byte looked at
 * once. Whatever else a row may hold, it is left to {@link CsvFile} and {@link Decimal}, which say the same of all rows.
 */
final class PlainRow {
    private static final int MOST_DIGITS = 19;
    private static final int MOST_EXPONENT_DIGITS = 4;

    private PlainRow() {
    }

    /**
     * Reads the row that begins at {@code from}.
     *
     * @param text    with a line feed behind its last byte, at {@code limit}
     * @param numeric of each column, whether a number is wanted
     * @param numbers of the columns where it is
     * @param starts  where the other columns' fields begin, behind {@code from}
     * @param ends    where they end
     * @return where the next row begins; -1 if this one is not plain, or not all there
     */
    static int read(byte[] text, int from, int limit, byte delimiter, boolean[] numeric, double[] numbers, int[] starts,
            int[] ends) {
        int at = from;
        int last = numeric.length - 1;
        for (int column = 0; column <= last; column++) {
            byte b = text[at];
            if (numeric[column]) {
                boolean negative = b == '-';
                if (negative) {
                    at++;
                }
                int begin = at;
                while (text[at] == '0') {
                    at++;
                }
                int zeros = at - begin;
                long digits = 0;
                int first = at;
                for (int digit = text[at] - '0'; digit >= 0 && digit <= 9; digit = text[at] - '0') {
                    digits = 10 * digits + digit;
                    at++;
                }
                int count = at - first;
                int exponent = 0;
                if (text[at] == '.') {
                    int point = ++at;
                    if (count == 0) {
                        while (text[at] == '0') {
                            at++;
                        }
                        zeros += at - point;
                    }
                    first = at;
                    for (int digit = text[at] - '0'; digit >= 0 && digit <= 9; digit = text[at] - '0') {
                        digits = 10 * digits + digit;
                        at++;
                    }
                    count += at - first;
                    exponent = point - at;
                }
                if (count > MOST_DIGITS || count + zeros == 0) {
                    return -1;
                }
                if (text[at] == 'e' || text[at] == 'E') {
                    boolean down = text[++at] == '-';
                    if (down || text[at] == '+') {
                        at++;
                    }
                    int written = 0;
                    first = at;
                    for (int digit = text[at] - '0'; digit >= 0 && digit <= 9; digit = text[at] - '0') {
                        written = 10 * written + digit;
                        at++;
                    }
                    if (at == first || at - first > MOST_EXPONENT_DIGITS) {
                        return -1;
                    }
                    exponent += down ? -written : written;
                }
                double number = Decimal.scaled(digits, exponent);
                if (Double.isNaN(number)) {
                    return -1;
                }
                numbers[column] = negative ? -number : number;
                b = text[at];
            } else {
                if (b == '"') {
                    return -1;
                }
                starts[column] = at - from;
                while (b != delimiter && b != '\n' && b != '\r') {
                    b = text[++at];
                }
                ends[column] = at - from;
            }
            if (column < last) {
                if (b != delimiter) {
                    return -1;
                }
                at++;
            }
        }
        if (text[at] == '\r') {
            at++;
        }
        return at < limit && text[at] == '\n' ? at + 1 : -1;
    }
}
