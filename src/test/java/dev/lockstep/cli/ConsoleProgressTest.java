package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.job.MetricConfig;
import dev.lockstep.job.ValidationConfig.EarlyStopping;
import dev.lockstep.train.EpochMetrics;
import dev.lockstep.train.Evaluation;
import dev.lockstep.train.TrainingSummary;
import dev.lockstep.train.Validation;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConsoleProgressTest {
    private static final long SECOND = 1_000_000_000L;
    private static final Optional<Evaluation> TEST = Optional.of(new Evaluation(0.55, 10_000,
            Map.of(new MetricConfig.Accuracy(), 0.8075), Optional.empty()));

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private long nanos = 5 * SECOND;

    @Test
    void shouldPrintALineAnEpochAndOneAtTheEnd() {
        ConsoleProgress log = progress(false);
        log.epochDone(new EpochMetrics(1, 469, 0.73361, 1, TEST, 597_123.4, 0.1004, Optional.empty()));
        log.epochDone(new EpochMetrics(2, 938, 0.5, 1, Optional.empty(), 600_000, 0.1, Optional.empty()));
        log.trainingDone(new TrainingSummary(2, 2, 938, 0.5, TEST, 600_000, 0.2004, 1, 1, "",
                Optional.empty(), Optional.empty()));
        assertEquals("""
                epoch 1/2  loss 0.7336  test loss 0.5500  accuracy 80.75 %  597,123 samples/s  0.10 s
                epoch 2/2  loss 0.5000  600,000 samples/s  0.10 s
                done: 938 steps in 0.20 s of training, 600,000 samples/s; loss 0.5000  test loss 0.5500  accuracy 80.75 %
                """, printed());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"0 | none since was better",
        "0.001 | none of the last 5 was better by more than 0.001"})
    void shouldSayWhatWasMissedWhereItStopsEarly(double minDelta, String why) {
        progress(false).trainingDone(new TrainingSummary(2, 2, 938, 0.5, TEST, 600_000, 0.2004, 1, 1, "", Optional.empty(),
                Optional.of(new Validation.Summary("loss", 0.25, 900, Optional.of(new EarlyStopping(5, minDelta)),
                        Optional.empty()))));
        assertTrue(printed().endsWith("\nbest validation loss 0.2500, after step 900; stopped early, as " + why + "\n"),
                printed());
    }

    @Test
    void shouldPrintALineEveryFiveSecondsInALog() {
        ConsoleProgress log = progress(false);
        nanos += 5 * SECOND - 1;
        log.stepDone(1, 10, 10, () -> 2);
        assertEquals("", printed());
        nanos += 1;
        log.stepDone(1, 20, 20, () -> 1.5);
        nanos += 4 * SECOND;
        log.stepDone(1, 30, 30, () -> 1.2);
        nanos += SECOND;
        log.stepDone(1, 60, 60, () -> 1);
        assertEquals("""
                epoch 1/2  step 20/469  loss 1.5000  512 samples/s
                epoch 1/2  step 60/469  loss 1.0000  1,024 samples/s
                """, printed());
    }

    /** The time of an evaluation is not training: it neither counts into the rate nor calls for a line. */
    @Test
    void shouldStartOverWithEachEpoch() {
        ConsoleProgress log = progress(false);
        nanos += 4 * SECOND;
        log.epochDone(new EpochMetrics(1, 469, 1, 1, Optional.empty(), 1, 1, Optional.empty()));
        nanos += 4 * SECOND;
        log.stepDone(2, 470, 1, () -> 1);
        nanos += SECOND;
        log.stepDone(2, 479, 10, () -> 1);
        assertTrue(printed().endsWith("\nepoch 2/2  step 10/469  loss 1.0000  256 samples/s\n"), printed());
        assertEquals(2, printed().lines().count());
    }

    @Test
    void shouldRedrawABarOnATerminalAndTakeItAway() {
        ConsoleProgress bar = progress(true);
        nanos += SECOND;
        bar.stepDone(1, 235, 235, () -> 2);
        nanos += SECOND;
        bar.stepDone(1, 469, 469, () -> 1);
        bar.epochDone(new EpochMetrics(1, 469, 1.5, 1, Optional.empty(), 30_000, 2, Optional.empty()));
        assertEquals("\r[" + "#".repeat(15) + ".".repeat(15) + "] epoch 1/2  step 235/469  loss 2.0000  30,080 samples/s"
                + "\u001b[K\r[" + "#".repeat(30) + "] epoch 1/2  step 469/469  loss 1.0000  29,952 samples/s\u001b[K"
                + "\r\u001b[Kepoch 1/2  loss 1.5000  30,000 samples/s  2.00 s\n", printed());
    }

    private ConsoleProgress progress(boolean terminal) {
        return new ConsoleProgress(new PrintStream(bytes, true, StandardCharsets.UTF_8), terminal, 2, 469, 128, () -> nanos);
    }

    private String printed() {
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
