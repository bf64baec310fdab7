package dev.lockstep.job;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/** One layer of the model. */
public sealed interface LayerConfig {

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
}
