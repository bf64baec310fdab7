package dev.lockstep.cli;

import dev.lockstep.job.ValidationConfig.EarlyStopping;
import dev.lockstep.train.EpochMetrics;
import dev.lockstep.train.Evaluation;
import dev.lockstep.train.TrainingListener;
import dev.lockstep.train.TrainingSummary;
import dev.lockstep.train.ValidationMetrics;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;

/**
 * Prints how training goes: a line an epoch, and within a long epoch a bar that is redrawn on a terminal, or a line
 * every few seconds in a log.
 */
final class ConsoleProgress implements TrainingListener {
    private static final long TERMINAL_INTERVAL_NANOS = 200_000_000L;
    private static final long LOG_INTERVAL_NANOS = 5_000_000_000L;
    private static final int BAR_WIDTH = 30;
    private static final int LOSS_DIGITS = 4;

    private final PrintStream out;
    private final boolean terminal;
    private final int epochs;
    private final int stepsPerEpoch;
    private final long samplesPerStep;
    private final LongSupplier nanoTime;
    private long lastPrintNanos;
    private boolean restart;
    private long lastPrintStep;
    private boolean barShown;

    /**
     * @param samplesPerStep of all ranks, in a full step
     * @param nanoTime       as System.nanoTime
     */
    ConsoleProgress(PrintStream out, boolean terminal, int epochs, int stepsPerEpoch, long samplesPerStep,
            LongSupplier nanoTime) {
        this.out = out;
        this.terminal = terminal;
        this.epochs = epochs;
        this.stepsPerEpoch = stepsPerEpoch;
        this.samplesPerStep = samplesPerStep;
        this.nanoTime = nanoTime;
        lastPrintNanos = nanoTime.getAsLong();
    }

    @Override
    public void stepDone(int epoch, long step, int stepOfEpoch, DoubleSupplier loss) {
        long now = nanoTime.getAsLong();
        if (restart) {
            restart = false;
            lastPrintNanos = now;
            lastPrintStep = step;
        }
        long interval = now - lastPrintNanos;
        if (interval < (terminal ? TERMINAL_INTERVAL_NANOS : LOG_INTERVAL_NANOS)) {
            return;
        }
        double rate = (step - lastPrintStep) * samplesPerStep / (interval * 1e-9);
        String text = String.format(Locale.ROOT, "epoch %d/%d  step %d/%d  loss %.4f  %,.0f samples/s", epoch, epochs,
                stepOfEpoch, stepsPerEpoch, loss.getAsDouble(), rate);
        if (terminal) {
            int filled = (int) ((long) BAR_WIDTH * stepOfEpoch / stepsPerEpoch);
            out.print("\r[" + "#".repeat(filled) + ".".repeat(BAR_WIDTH - filled) + "] " + text + "\u001b[K");
            barShown = true;
        } else {
            out.println(text);
        }
        out.flush();
        lastPrintNanos = now;
        lastPrintStep = step;
    }

    @Override
    public void validated(ValidationMetrics metrics) {
        line(String.format(Locale.ROOT, "validated after step %,d: %s%s", metrics.step(),
                metrics.evaluation().describe(LOSS_DIGITS), metrics.isBest() ? "  (the best so far)" : ""));
        // It does not count into the rate of the steps around it.
        restart = true;
    }

    @Override
    public void epochDone(EpochMetrics metrics) {
        line(String.format(Locale.ROOT, "epoch %d/%d  loss %.4f%s  %,.0f samples/s  %.2f s", metrics.epoch(), epochs,
                metrics.trainLoss(), test(metrics.test()), metrics.samplesPerSecond(), metrics.seconds()));
        lastPrintNanos = nanoTime.getAsLong();
        lastPrintStep = metrics.step();
    }

    @Override
    public void checkpointWritten(Path folder) {
        line("checkpoint: " + folder);
        // The writing does not count into the rate of the steps around it.
        restart = true;
    }

    @Override
    public void trainingDone(TrainingSummary summary) {
        line(String.format(Locale.ROOT, "done: %,d steps in %.2f s of training, %,.0f samples/s; loss %.4f%s",
                summary.steps(), summary.trainingSeconds(), summary.samplesPerSecond(), summary.trainLoss(),
                test(summary.test())));
        summary.validation().ifPresent(validation -> line(String.format(Locale.ROOT,
                "best validation %s %.4f, after step %,d%s%s", validation.monitor(), validation.best(), validation.bestStep(),
                validation.kept().map(name -> ": kept as checkpoints/best").orElse(""),
                validation.stoppedBy().map(ConsoleProgress::stopped).orElse(""))));
    }

    /** The best may be among the last ones, where none of them was better by enough. */
    private static String stopped(EarlyStopping by) {
        return "; stopped early, as none " + (by.minDelta() == 0 ? "since was better"
                : "of the last " + by.patience() + " was better by more than " + by.minDelta());
    }

    private static String test(Optional<Evaluation> test) {
        return test.map(evaluation -> "  test " + evaluation.describe(LOSS_DIGITS)).orElse("");
    }

    private void line(String text) {
        if (barShown) {
            out.print("\r\u001b[K");
            barShown = false;
        }
        out.println(text);
        out.flush();
    }
}
