package dev.lockstep.data;

/**
 * Mean and standard deviation of numbers that come one by one. Sums are of the differences to the first number, so that
 * equal numbers have a deviation of exactly 0, and each carries along what its rounding has lost.
 */
final class Moments {
    private double first;
    private long count;
    private double sum;
    private double sumError;
    private double squares;
    private double squaresError;

    void add(double number) {
        if (count++ == 0) {
            first = number;
        }
        double difference = number - first;
        double total = sum + difference;
        double part = total - sum;
        sumError += (sum - (total - part)) + (difference - part);
        sum = total;
        double square = difference * difference;
        total = squares + square;
        part = total - squares;
        squaresError += (squares - (total - part)) + (square - part);
        squares = total;
    }

    long count() {
        return count;
    }

    double mean() {
        return first + (sum + sumError) / count;
    }

    /**
     * The standard deviation of the population, as if the mean stood where numbers are missing: what scikit-learn's
     * StandardScaler finds behind a SimpleImputer.
     *
     * @param rows at least the count
     */
    double standardDeviation(long rows) {
        double deviation = sum + sumError;
        return Math.sqrt(Math.max(0, squares + squaresError - deviation * (deviation / count)) / rows);
    }
}
