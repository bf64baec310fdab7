package dev.lockstep.job;

/** What an evaluation reports beside the loss. */
public sealed interface MetricConfig {
    /** Its name in metrics.jsonl, behind {@code test_}. */
    String key();

    /** Of classes: the share of the samples whose label has the largest logit. */
    record Accuracy() implements MetricConfig {
        @Override
        public String key() {
            return "accuracy";
        }
    }

    /** Of classes: the share of the samples whose label has one of the {@code k} largest logits; k is at least 1. */
    record TopK(int k) implements MetricConfig {
        @Override
        public String key() {
            return "top_" + k + "_accuracy";
        }
    }

    /** Of numbers: mean absolute error over samples and outputs. */
    record Mae() implements MetricConfig {
        @Override
        public String key() {
            return "mae";
        }
    }

    /** Of numbers: root of the mean squared error over samples and outputs. */
    record Rmse() implements MetricConfig {
        @Override
        public String key() {
            return "rmse";
        }
    }

    /** Of classes: how often each was predicted as each. Of the summary alone, not of each evaluation. */
    record ConfusionMatrix() implements MetricConfig {
        @Override
        public String key() {
            return "confusion_matrix";
        }
    }

    /** Whether it is about classes, which cross-entropy learns; the others are about numbers, which mse does. */
    default boolean ofClasses() {
        return !(this instanceof Mae || this instanceof Rmse);
    }
}
