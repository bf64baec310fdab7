package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.train.SmallJobs;
import org.junit.jupiter.api.Test;

class OptimizerTextTest {
    @Test
    void shouldSayWhatTheRatesAreAndBecome() {
        assertEquals("sgd, lr 0.1", OptimizerText.of(SmallJobs.job(), 8));
        assertEquals("sgd, lr 0.3 (0.1 times 3 ranks); without warm-up",
                OptimizerText.of(SmallJobs.job("schedule.scale-lr=linear"), 3));
        assertEquals("sgd, lr 0.1 (0.1 times 1 rank)", OptimizerText.of(SmallJobs.job("schedule.scale-lr=linear"), 1));
        assertEquals("adamw, lr 0.002 (0.001 times 2 ranks), weight decay 0.01; biases, norms with weight decay 0; 2.* with"
                + " lr 0.0002, weight decay 1; warm-up over 1,000 steps; cosine to 0.00001 over 5,000 steps",
                OptimizerText.of(SmallJobs.job("optimizer.adamw={}", "optimizer.groups=[{parameters: [biases, norms],"
                        + " weight-decay: 0}, {parameters: ['2.*'], lr: 1e-4, weight-decay: 1}]",
                        "schedule={warmup-steps: 1000, cosine: {steps: 5000, min-lr: 1e-5}, scale-lr: linear}"), 2));
        assertEquals("adam, lr 1E-30; warm-up over 1 epoch; times 0.1 every 30 epochs", OptimizerText.of(SmallJobs.job(
                "optimizer.adam.lr=1e-30", "schedule={warmup-epochs: 1, step: {every-epochs: 30}}"), 1));
    }
}
