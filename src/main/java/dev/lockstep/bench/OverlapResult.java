package dev.lockstep.bench;

import java.util.Arrays;

/**
 * What {@code bench overlap} has measured: the JSON object that it prints. What concerns communication is null where there
 * is none.
 *
 * @param kind                {@code "overlap"}
 * @param on                  with overlap, {@code off} without
 * @param offToOn             median step without overlap ÷ with
 * @param hiddenFraction      with overlap
 * @param commSeconds         without overlap, where no computing slows it, as {@code backwardSeconds}
 * @param boundSeconds        of a step with overlap, by {@link Schedule} from the operations and chunks without
 * @param stepToBound         mean step with overlap ÷ bound, which comes of means
 * @param boundHiddenFraction that the schedule hides
 * @param hiddenToBoundHidden how much of that is reached; null where the schedule hides nothing, or steps less than nothing
 */
public record OverlapResult(String kind, StepResult on, StepResult off, double offToOn, Double hiddenFraction,
        Double commSeconds, double backwardSeconds, Double commToBackward, double boundSeconds, double stepToBound,
        Double boundHiddenFraction, Double hiddenToBoundHidden) {
    public static final String KIND = "overlap";

    /** @param off its operations are timed, as are {@code on}'s */
    public static OverlapResult of(StepResult on, StepResult off) {
        Schedule.Result bound = StepBound.of(off);
        double backward = (Double) off.breakdown().get("backward_seconds");
        double comm = (Double) off.breakdown().get("comm_seconds");
        double step = on.stepSecondsMedian();
        double mean = Arrays.stream(on.stepSeconds()).average().orElseThrow();
        boolean communicates = comm > 0;
        Double hidden = communicates ? (Double) on.breakdown().get("hidden_fraction") : null;
        return new OverlapResult(KIND, on, off, off.stepSecondsMedian() / step, hidden, communicates ? comm : null, backward,
                communicates ? comm / backward : null, bound.stepSeconds(), mean / bound.stepSeconds(),
                communicates ? bound.hiddenFraction() : null, communicates ? ratio(hidden, bound.hiddenFraction()) : null);
    }

    /** Null where nothing could be hidden, and where less than nothing was. */
    private static Double ratio(double hidden, double most) {
        return most > 0 && hidden >= 0 ? hidden / most : null;
    }
}
