package dev.lockstep.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.optim.Schedule.Unit;
import java.io.InputStream;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Against torch's schedulers: golden/optim/schedules.json holds fifty rates of each, of two groups. */
class ScheduleTest {
    private static final double[] OWN_RATES = {0.1, 0.03};

    @Test
    void shouldGiveTheRatesOfPyTorchStepByStep() throws Exception {
        try (InputStream file = ScheduleTest.class.getResourceAsStream("/golden/optim/schedules.json")) {
            int cases = 0;
            for (JsonNode golden : new ObjectMapper().readTree(file)) {
                Schedule schedule = new Schedule(Unit.STEPS, golden.get("warmUp").asLong(), decay(golden.get("decay")), 1);
                JsonNode rates = golden.get("rates");
                assertEquals(50, rates.size());
                for (int step = 0; step < rates.size(); step++) {
                    // Seven steps an epoch, which steps do not mind.
                    schedule.moveTo(step, step / 7, step % 7, 7);
                    for (int group = 0; group < OWN_RATES.length; group++) {
                        double expected = rates.get(step).get(group).asDouble();
                        assertEquals(expected, schedule.rate(OWN_RATES[group]), 1e-11 * expected,
                                "step " + step + " of " + golden.get("decay") + ", warm-up " + golden.get("warmUp"));
                    }
                }
                cases++;
            }
            assertEquals(12, cases);
        }
    }

    private static Optional<Schedule.Decay> decay(JsonNode decay) {
        return switch (decay.get("kind").asText()) {
            case "step" -> Optional.of(new Schedule.Decay.Step(decay.get("every").asLong(), decay.get("gamma").asDouble()));
            case "cosine" -> Optional.of(
                    new Schedule.Decay.Cosine(decay.get("length").asLong(), decay.get("minimum").asDouble()));
            default -> Optional.empty();
        };
    }

    @Test
    void shouldDecayOnceAnEpochWhereItCountsEpochs() {
        Schedule schedule = new Schedule(Unit.EPOCHS, 0, Optional.of(new Schedule.Decay.Step(2, 0.5)), 1);
        double[] expected = {1, 1, 0.5, 0.5, 0.25};
        for (int epoch = 0; epoch < expected.length; epoch++) {
            for (int step = 0; step < 3; step++) {
                schedule.moveTo(3L * epoch + step, epoch, step, 3);
                assertEquals(expected[epoch], schedule.rate(1));
            }
        }
    }

    /** And the decay's first epoch is the one after it. */
    @Test
    void shouldWarmUpStepByStepThroughItsEpochs() {
        Schedule schedule = new Schedule(Unit.EPOCHS, 2, Optional.of(new Schedule.Decay.Cosine(2, 0)), 1);
        double[] expected = {1 / 6.0, 2 / 6.0, 3 / 6.0, 4 / 6.0, 5 / 6.0, 1, 1, 1, 1, 0.5, 0.5, 0.5};
        for (int step = 0; step < expected.length; step++) {
            schedule.moveTo(step, step / 3, step % 3, 3);
            assertEquals(expected[step], schedule.rate(1), 1e-15, "step " + step);
        }
    }

    @Test
    void shouldStayAtTheLeastRateOnceTheCosineIsThere() {
        Schedule schedule = new Schedule(Unit.STEPS, 3, Optional.of(new Schedule.Decay.Cosine(10, 0.01)), 1);
        for (long step : new long[] {13, 14, 20, 23, 1_000_000_007L}) {
            schedule.moveTo(step, 0, 0, 1);
            assertEquals(0.01, schedule.rate(0.1), 1e-17);
        }
    }

    @Test
    void shouldScaleEachRateButNotTheLeast() {
        Schedule schedule = new Schedule(Unit.STEPS, 4, Optional.of(new Schedule.Decay.Cosine(10, 0.01)), 8);
        assertEquals(0.8, schedule.rate(0.1), 1e-15);
        schedule.moveTo(0, 0, 0, 100);
        assertEquals(0.2, schedule.rate(0.1), 1e-15);
        schedule.moveTo(9, 0, 9, 100);
        assertEquals((0.8 + 0.01) / 2, schedule.rate(0.1), 1e-15);
        schedule.moveTo(14, 0, 14, 100);
        assertEquals(0.01, schedule.rate(0.1), 1e-15);
    }

    @Test
    void shouldLeaveRatesAloneWhereNothingIsAskedFor() {
        Schedule schedule = Schedule.constant();
        assertEquals(0.3, schedule.rate(0.3));
        schedule.moveTo(12345, 67, 8, 9);
        assertEquals(0.3, schedule.rate(0.3));
    }
}
