package dev.lockstep.train;

import dev.lockstep.comm.Communicator;
import java.util.Arrays;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Finds out for all ranks at the same step what only some know: that rank 0's clock says it is time for a checkpoint, that
 * somebody was asked to stop. Asking is a reduction of three numbers, so it is done some ten times a second and not at
 * every step: rank 0 also says after how many steps to ask again.
 */
final class Lookout {
    /** Within the second that mpirun gives after its own signal there must be time to write. */
    static final double INTERVAL_SECONDS = 0.1;

    private static final int CHECKPOINT = 0;
    private static final int STEPS = 1;
    private static final int STOP = 2;

    private final Communicator communicator;
    private final double checkpointMinutes;
    private final double intervalSeconds;
    private final LongSupplier nanoTime;
    private final BooleanSupplier stopRequested;
    private final double[] answers = new double[3];
    private long nextCheckpointNanos;
    private long nextStep;
    private long lastStep;
    private long lastNanos;

    /**
     * @param checkpointMinutes between two checkpoints; 0 for none by the clock
     * @param stopRequested     of this rank
     * @param intervalSeconds   between two looks, about; 0 to look after each step
     * @param step              that training starts after: more than 0 in a resumed run
     * @param nanoTime          the clock, as System's
     */
    Lookout(Communicator communicator, double checkpointMinutes, BooleanSupplier stopRequested, double intervalSeconds,
            long step, LongSupplier nanoTime) {
        this.communicator = communicator;
        this.checkpointMinutes = checkpointMinutes;
        this.stopRequested = stopRequested;
        this.intervalSeconds = intervalSeconds;
        this.nanoTime = nanoTime;
        lastStep = step;
        lastNanos = nanoTime.getAsLong();
        checkpointed();
    }

    /** Counts the minutes anew. */
    void checkpointed() {
        nextCheckpointNanos = nanoTime.getAsLong() + (long) (checkpointMinutes * 60e9);
    }

    /** Called after each step on every rank; now and then collective. */
    void look(long step) {
        Arrays.fill(answers, 0);
        if (step < nextStep) {
            return;
        }
        long now = nanoTime.getAsLong();
        if (communicator.rank() == 0) {
            double stepsPerSecond = (step - lastStep) / ((now - lastNanos) * 1e-9);
            answers[CHECKPOINT] = checkpointMinutes > 0 && now - nextCheckpointNanos >= 0 ? 1 : 0;
            answers[STEPS] = Math.max(1, Math.floor(stepsPerSecond * intervalSeconds));
        }
        answers[STOP] = stopRequested.getAsBoolean() ? 1 : 0;
        communicator.allReduceSum(answers);
        lastStep = step;
        lastNanos = now;
        nextStep = step + (long) answers[STEPS];
    }

    /** What the look at this step has found, the same on every rank. */
    boolean checkpointIsDue() {
        return answers[CHECKPOINT] > 0;
    }

    boolean stopIsRequested() {
        return answers[STOP] > 0;
    }
}
