package dev.lockstep.train;

import dev.lockstep.job.Job;
import dev.lockstep.job.MetricConfig;
import dev.lockstep.job.ValidationConfig;
import dev.lockstep.job.ValidationConfig.EarlyStopping;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Validates a model while it is trained, as often as the job says, and tells when that is to end: alike on every rank. */
public final class Validation {
    /**
     * What a training's validations came to.
     *
     * @param monitor   {@code "loss"}, {@code "accuracy"}, as a job file spells it
     * @param best      of these numbers
     * @param stoppedBy what ended training for want of a better one
     * @param kept      name of the best one's checkpoint, where that is kept
     */
    public record Summary(String monitor, double best, long bestStep, Optional<EarlyStopping> stoppedBy, Optional<String> kept) {
        /** As metrics.jsonl has it. */
        Map<String, Object> toMap() {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("best_validation_" + monitor.replace('-', '_'), best);
            map.put("best_step", bestStep);
            map.put("stopped_early", stoppedBy.isPresent());
            return map;
        }
    }

    private final Optional<ValidationConfig> config;
    private final Trainer trainer;
    private final TrainingListener listener;
    private ValidationProgress progress;
    private boolean ended;

    Validation(Job job, Trainer trainer, TrainingListener listener) {
        config = job.validation();
        this.trainer = trainer;
        this.listener = listener;
        // Without data to validate on it stays as it is: what was the best is still the best.
        progress = trainer.start().validation();
        ended = hasEnded(config, progress);
    }

    /** Whether early stopping ends a training that stands there: then nothing is left to train. */
    public static boolean hasEnded(Job job, ValidationProgress progress) {
        return hasEnded(job.validation(), progress);
    }

    /**
     * What to tell the user where there is data to validate on, and training neither has come nor will come to an epoch or a
     * step after which it is used, with that monitor.
     *
     * @param lastStep of the training
     */
    public static Optional<String> never(Job job, Position start, long lastStep) {
        if (job.validation().isEmpty() || start.validation().isOf(job.validation().get().monitorName())) {
            return Optional.empty();
        }
        int epochs = job.train().epochs();
        int everyEpochs = job.validation().get().everyEpochs();
        long everySteps = job.validation().get().everySteps();
        if (isDue(start.epoch() - 1L, epochs, everyEpochs) || isDue(start.step(), lastStep, everySteps)) {
            return Optional.empty();
        }
        List<String> intervals = new ArrayList<>();
        List<String> ends = new ArrayList<>();
        if (everyEpochs > 0) {
            intervals.add("validation.every-epochs is " + everyEpochs);
            ends.add(epochs + (epochs == 1 ? " epoch" : " epochs") + done(start.epoch() - 1));
        }
        if (everySteps > 0) {
            intervals.add("validation.every-steps is " + everySteps);
            ends.add(lastStep + (lastStep == 1 ? " step" : " steps") + done(start.step()));
        }
        return Optional.of("nothing will be validated: " + String.join(", ", intervals) + ", and training ends after "
                + String.join(" and ", ends) + "; lower " + (ends.size() == 1 ? "it" : "one")
                + ", train for longer, or leave data.validation out");
    }

    private static String done(long count) {
        return count == 0 ? "" : " (" + count + " of them done)";
    }

    private static boolean isDue(long done, long last, long every) {
        return every > 0 && last / every > done / every;
    }

    private static boolean hasEnded(Optional<ValidationConfig> config, ValidationProgress progress) {
        return config.filter(validation -> progress.isOf(validation.monitorName())).flatMap(ValidationConfig::earlyStopping)
                .filter(early -> progress.notBetter() >= early.patience()).isPresent();
    }

    /** What all validations so far have come to. */
    ValidationProgress progress() {
        return progress;
    }

    /**
     * After a step. Collective where it is due.
     *
     * @return whether the model is the best so far, so that its checkpoint is to be written and kept
     */
    boolean afterStep(int epoch, long step) {
        return config.isPresent() && config.get().everySteps() > 0 && step % config.get().everySteps() == 0
                && validate(epoch, step, CheckpointFolder.stepName(step));
    }

    /** The same after an epoch, whose last step may have been validated as such. */
    boolean afterEpoch(int epoch, long step) {
        return config.isPresent() && config.get().everyEpochs() > 0 && epoch % config.get().everyEpochs() == 0
                && progress.step() != step && validate(epoch, step, CheckpointFolder.epochName(epoch));
    }

    private boolean validate(int epoch, long step, String checkpoint) {
        Evaluation evaluation = trainer.validate().orElseThrow();
        if (!Double.isFinite(evaluation.loss())) {
            throw new TrainingException("epoch " + epoch + ", step " + step + ": the validation loss is " + evaluation.loss()
                    + ": training has diverged; lower the learning rate or look at the data");
        }
        Optional<MetricConfig> monitor = config.get().monitor();
        boolean higherIsBetter = monitor.filter(MetricConfig::ofClasses).isPresent();
        double value = monitor.map(metric -> evaluation.metrics().get(metric)).orElse(evaluation.loss());
        double minDelta = config.get().earlyStopping().map(EarlyStopping::minDelta).orElse(0.0);
        progress = progress.with(config.get().monitorName(), step, value, higherIsBetter, minDelta,
                config.get().keepBest() ? checkpoint : "");
        ended = hasEnded(config, progress);
        listener.validated(new ValidationMetrics(epoch, step, evaluation, progress.lastIsBest()));
        return progress.lastIsBest() && config.get().keepBest();
    }

    /** Whether so many validations in a row were not better that training ends. */
    boolean endsTraining() {
        return ended;
    }

    /** How they went; empty if there was none. */
    Optional<Summary> summary() {
        return config.isEmpty() || !progress.isOf(config.get().monitorName()) ? Optional.empty() : Optional.of(new Summary(
                config.get().monitor().map(MetricConfig::key).orElse("loss"), progress.best(), progress.bestStep(),
                config.get().earlyStopping().filter(early -> endsTraining()),
                Optional.of(progress.bestCheckpoint()).filter(name -> config.get().keepBest() && !name.isEmpty())));
    }
}
