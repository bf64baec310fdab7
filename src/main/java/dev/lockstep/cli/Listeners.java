package dev.lockstep.cli;

import dev.lockstep.train.EpochMetrics;
import dev.lockstep.train.TrainingListener;
import dev.lockstep.train.TrainingSummary;
import dev.lockstep.train.ValidationMetrics;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleSupplier;

/** Passes on to several listeners; to none on ranks but 0. */
final class Listeners implements TrainingListener {
    private final List<TrainingListener> listeners = new ArrayList<>();

    void add(TrainingListener listener) {
        listeners.add(listener);
    }

    /** By index: this runs at every step, and an iterator would be garbage. */
    @Override
    public void stepDone(int epoch, long step, int stepOfEpoch, DoubleSupplier loss) {
        for (int i = 0; i < listeners.size(); i++) {
            listeners.get(i).stepDone(epoch, step, stepOfEpoch, loss);
        }
    }

    @Override
    public void stepLogged(long step, double loss, double learningRate) {
        listeners.forEach(listener -> listener.stepLogged(step, loss, learningRate));
    }

    @Override
    public void validated(ValidationMetrics metrics) {
        listeners.forEach(listener -> listener.validated(metrics));
    }

    @Override
    public void epochDone(EpochMetrics metrics) {
        listeners.forEach(listener -> listener.epochDone(metrics));
    }

    @Override
    public void checkpointWritten(Path folder) {
        listeners.forEach(listener -> listener.checkpointWritten(folder));
    }

    @Override
    public void trainingDone(TrainingSummary summary) {
        listeners.forEach(listener -> listener.trainingDone(summary));
    }
}
