package dev.lockstep.data;

import java.util.List;

/**
 * How CSV files are to be read. Columns are named as the header does; without one they are 0, 1, 2 …, as pandas names them.
 *
 * @param header        whether each file begins with the columns' names
 * @param delimiter     between fields; an ASCII character, neither a quote nor the end of a line
 * @param target        columns that are to be predicted, in the order of the model's outputs; a single one if classes
 * @param classes       whether the target is a class; else each is a number
 * @param categorical   columns that become one feature for each of their categories; the others are numbers
 * @param drop          columns that are left out
 * @param impute        whether missing values are replaced, numbers by the mean, categories by the most frequent one; else they
 *                      are an error, as they are in a target anyway
 * @param missingValues texts that stand for no value, as an empty field does
 * @param ignoreUnknown whether a category that the training split has not leaves all its features 0; else it is an error
 * @param standardize   whether numbers become (number - mean) / standard deviation
 */
public record CsvOptions(boolean header, char delimiter, List<String> target, boolean classes, List<String> categorical,
        List<String> drop, boolean impute, List<String> missingValues, boolean ignoreUnknown, boolean standardize) {
    public CsvOptions {
        target = List.copyOf(target);
        categorical = List.copyOf(categorical);
        drop = List.copyOf(drop);
        missingValues = List.copyOf(missingValues);
        if (delimiter < '\t' || delimiter > '~' || "\n\r\"".indexOf(delimiter) >= 0 || target.isEmpty()
                || classes && target.size() > 1) {
            throw new IllegalArgumentException("delimiter " + (int) delimiter + ", target " + target);
        }
    }
}
