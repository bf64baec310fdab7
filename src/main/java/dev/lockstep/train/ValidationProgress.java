package dev.lockstep.train;

/**
 * What the validations of a training have come to. The numbers are the monitored ones.
 *
 * @param monitor        whose numbers they are, as a job file spells it: {@code "loss"}, {@code "top-5"}; empty before the
 *                       first
 * @param step           of the last validation; 0 where there was none
 * @param best           of the best one; NaN before the first
 * @param bestStep       that it came after
 * @param bestCheckpoint name of the checkpoint of that moment; empty where it is not kept
 * @param reference      of the last one that early stopping took for better; NaN before the first
 * @param notBetter      validations since that one
 */
public record ValidationProgress(String monitor, long step, double best, long bestStep, String bestCheckpoint,
        double reference, int notBetter) {
    public static final ValidationProgress NONE = new ValidationProgress("", 0, Double.NaN, 0, "", Double.NaN, 0);

    /**
     * With one more validation, which is the best and the first to compare with where those before had another monitor.
     *
     * @param value          the monitored number, finite
     * @param higherIsBetter of that number
     * @param minDelta       by more than which early stopping wants it to be better
     * @param checkpoint     that is kept if it is the best one; empty if not
     */
    ValidationProgress with(String ofMonitor, long atStep, double value, boolean higherIsBetter, double minDelta,
            String checkpoint) {
        boolean isFirst = !isOf(ofMonitor);
        boolean isBest = isFirst || gain(best, value, higherIsBetter) > 0;
        boolean isBetter = isFirst || gain(reference, value, higherIsBetter) > minDelta;
        return new ValidationProgress(ofMonitor, atStep, isBest ? value : best, isBest ? atStep : bestStep,
                isBest ? checkpoint : bestCheckpoint, isBetter ? value : reference, isBetter ? 0 : notBetter + 1);
    }

    private static double gain(double before, double value, boolean higherIsBetter) {
        return higherIsBetter ? value - before : before - value;
    }

    /** Whether there was a validation, and its numbers compare with those of that monitor. */
    boolean isOf(String otherMonitor) {
        return monitor.equals(otherMonitor);
    }

    /** Whether the last validation was the best. */
    boolean lastIsBest() {
        return step > 0 && bestStep == step;
    }
}
