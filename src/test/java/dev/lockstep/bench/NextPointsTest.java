package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.job.ScalingConfig.Kind;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Where nothing can be predicted; ScalingIT has a prediction from real runs. */
class NextPointsTest {
    @Test
    void shouldSayThatThereIsNothingToPredictFromWithoutTheBase() {
        ScalingResult result = new ScalingResults(Kind.WEAK, 64, 1, 2).failed(1, "gone").run(2, 1.0).result();

        assertEquals(new NextPoints(List.of(), "Nothing is predicted: the base of efficiency was not measured."),
                NextPoints.of(result));
    }

    @Test
    void shouldSayWhyRunsDoNotAllowAPrediction() {
        ScalingResult result = new ScalingResults(Kind.WEAK, 64, 1, 2).run(1, 1.0).run(2, 1.0).result();
        NextPoints next = NextPoints.of(result);

        assertEquals(List.of(), next.points());
        assertTrue(next.explanation().startsWith("Nothing is predicted: 1 rank: this result of a benchmark is not whole"),
                next.explanation());
    }
}
