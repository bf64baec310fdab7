package dev.lockstep.job;

import java.util.List;

/**
 * What the columns of CSV files are. None stands twice in the lists.
 *
 * @param target            to be predicted, at least one
 * @param header            whether each file begins with the columns' names
 * @param delimiter         between fields
 * @param categorical       columns that hold categories; the others hold numbers
 * @param drop              columns that are left out
 * @param missingValues     texts that stand for no value, beside the empty one
 * @param standardize       whether numbers are brought to a mean of 0 and a standard deviation of 1
 */
public record CsvColumns(List<String> target, boolean header, char delimiter, List<String> categorical,
        List<String> drop, MissingPolicy missing, List<String> missingValues, UnknownPolicy unknownCategories,
        boolean standardize) {
    /** What becomes of a feature without a value. */
    public enum MissingPolicy {
        ERROR,
        /** The mean of the column, or its most frequent category. */
        IMPUTE
    }

    /** What becomes of a category that the training data has not. */
    public enum UnknownPolicy {
        ERROR,
        /** None of the column's features is 1. */
        IGNORE
    }

    public CsvColumns {
        target = List.copyOf(target);
        categorical = List.copyOf(categorical);
        drop = List.copyOf(drop);
        missingValues = List.copyOf(missingValues);
    }
}
