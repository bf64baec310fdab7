package dev.lockstep.job;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** One layer of the model. */
public sealed interface LayerConfig {
    /** The layers in order, those of residual blocks in place of the blocks. */
    static Stream<LayerConfig> flattened(List<LayerConfig> layers) {
        return layers.stream().flatMap(
                layer -> layer instanceof ResidualLayer residual ? flattened(residual.layers()) : Stream.of(layer));
    }

    /** A fully connected layer with bias: [batch, in] to [batch, out]. */
    record LinearLayer(int in, int out) implements LayerConfig {}

    /** An element-wise activation, which keeps the shape. */
    record ActivationLayer(ActivationKind kind) implements LayerConfig {}

    /**
     * A class of the user's that implements Module.
     *
     * @param className full, such as {@code com.example.Swish}
     * @param options what its constructor is given: numbers (BigDecimal), booleans, texts, or lists of these
     */
    record CustomLayer(String className, Map<String, Object> options) implements LayerConfig {
        public CustomLayer {
            options = Collections.unmodifiableSortedMap(new TreeMap<>(options));
        }
    }

    /**
     * Features brought to mean 0 and variance 1 over the batch, which keeps the shape.
     *
     * @param sync whether the batch is that of all ranks together
     * @param eps at least 0
     * @param momentum weight of a batch in the running statistics, 0 … 1
     */
    record BatchNormLayer(boolean sync, double eps, double momentum) implements LayerConfig {}

    /**
     * Each sample brought to mean 0 and variance 1, which keeps the shape.
     *
     * @param eps at least 0
     */
    record LayerNormLayer(double eps) implements LayerConfig {}

    /** Elements dropped in training, which keeps the shape; with a probability from 0 to less than 1. */
    record DropoutLayer(double probability) implements LayerConfig {}

    /** What the layers make of a sample, added to it: they leave as many features as they take. */
    record ResidualLayer(List<LayerConfig> layers) implements LayerConfig {
        public ResidualLayer {
            layers = List.copyOf(layers);
        }
    }
}
