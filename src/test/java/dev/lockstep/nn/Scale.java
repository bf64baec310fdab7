package dev.lockstep.nn;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Stream;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.BufferShape;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterShape;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** y[i, j] = scale[j] · x[i, j], as a user may write it, or with one of many faults. */
public final class Scale implements Module {
    /** What it does wrong. */
    public enum Fault {
        NONE, WRONG_WIDTH, NO_FEATURES, DUPLICATE_NAMES, BAD_NAME, NULL_SHAPES, NULL_BIND, NULL_OUTPUT, NULL_OUTPUT_GRADIENT,
        OUTPUT_NOT_WRITTEN, OUTPUT_ADDED, OUTPUT_RANDOM, GRADIENT_NOT_WRITTEN, GRADIENT_NOT_REPORTED, GRADIENT_REPORTED_EARLY,
        GRADIENT_REPORTED_TWICE, FOREIGN_GRADIENT, GRADIENT_ADDED, GRADIENT_OVERWRITTEN, GRADIENT_DOUBLED_IN_SUM,
        INPUT_GRADIENT_NOT_WRITTEN, INPUT_WRITTEN, VALUE_WRITTEN, TAKES_MORE, ALLOCATES, WRONG_GRADIENT, WRONG_INPUT_GRADIENT,
        THROWS_IN_CONSTRUCTOR, THROWS_IN_SHAPES, THROWS_IN_INITIALIZE, THROWS_IN_BIND, THROWS_IN_FORWARD, THROWS_IN_BACKWARD,
        REFUSES_FEATURES, THROWS_LATER, NULL_SHAPE, NULL_BUFFERS, NULL_BUFFER, NULL_MEMORY, CHANGING_WIDTH, NEGATIVE_BATCH,
        LARGE_BATCH, OUT_OF_MEMORY, NAN_OUTPUT, INFINITE_GRADIENT, NAN_INPUT_GRADIENT, LEAVES_INITIAL_VALUE
    }

    private static final String NAME = "scale";

    private final Fault fault;
    private final double initial;
    private final int features;
    private int forwards;
    private int widths;

    /** Options: {@code fault}, and {@code initial}, the scale to begin with. */
    public Scale(ModuleOptions options, int inputFeatures) {
        this(Fault.valueOf(options.text("fault", "none").toUpperCase(Locale.ROOT)), options.number("initial", 1),
                inputFeatures);
    }

    Scale(Fault fault, double initial, int features) {
        this.fault = fault;
        this.initial = initial;
        this.features = features;
        throwIf(Fault.THROWS_IN_CONSTRUCTOR);
    }

    private boolean has(Fault wanted) {
        return fault == wanted;
    }

    private void throwIf(Fault wanted) {
        if (fault == wanted) {
            throw new IllegalStateException("boom\nand more");
        }
    }

    @Override
    public List<ParameterShape> parameterShapes() {
        throwIf(Fault.THROWS_IN_SHAPES);
        ParameterShape shape = ParameterShape.vector(has(Fault.BAD_NAME) ? "a name" : NAME, features);
        return has(Fault.NULL_SHAPES) ? null : has(Fault.DUPLICATE_NAMES) ? List.of(shape, shape)
                : Collections.singletonList(has(Fault.NULL_SHAPE) ? null : shape);
    }

    @Override
    public List<BufferShape> bufferShapes() {
        return has(Fault.NULL_BUFFERS) ? null : has(Fault.NULL_BUFFER) ? Collections.singletonList(null) : List.of();
    }

    @Override
    public ActivationMemory activationMemory(int inputFeatures) {
        return has(Fault.NULL_MEMORY) ? null : Module.super.activationMemory(inputFeatures);
    }

    @Override
    public int smallestBatch(int ranks) {
        return has(Fault.NEGATIVE_BATCH) ? -3 : has(Fault.LARGE_BATCH) ? 1000 : 1;
    }

    @Override
    public int outputFeatures(int inputFeatures) {
        if (has(Fault.REFUSES_FEATURES)) {
            throw new IllegalArgumentException("it takes 99 features, not " + inputFeatures);
        }
        return has(Fault.WRONG_WIDTH) || has(Fault.CHANGING_WIDTH) && widths++ > 0 ? features + 1 : has(Fault.NO_FEATURES) ? 0 : features;
    }

    @Override
    public void initialize(Mt19937 generator, Function<String, Parameter> parameters) {
        throwIf(Fault.THROWS_IN_INITIALIZE);
        if (has(Fault.OUT_OF_MEMORY)) {
            throw new OutOfMemoryError("Java heap space");
        }
        HostArray values = HostArray.of(parameters.apply(NAME).value());
        for (int i = 0; i < features - (has(Fault.LEAVES_INITIAL_VALUE) ? 1 : 0); i++) {
            values.set(i, initial);
        }
    }

    @Override
    public BoundModule bind(Binding binding, Matrix input, Matrix inputGradient) {
        throwIf(Fault.THROWS_IN_BIND);
        return has(Fault.NULL_BIND) ? null : new Bound(binding, input, inputGradient);
    }

    private final class Bound implements BoundModule {
        private final Binding binding;
        private final Matrix output;
        private final Matrix outputGradient;
        private final Parameter scale;
        private final HostArray x;
        private final HostArray y;
        private final HostArray s;
        /** The input's; null where nobody wants it. */
        private final HostArray dx;
        /** Null outside training, as the next. */
        private final HostArray dy;
        private final HostArray ds;

        Bound(Binding binding, Matrix input, Matrix inputGradient) {
            this.binding = binding;
            output = binding.workspace().matrix(input.rows(), features);
            outputGradient = binding.training() ? binding.workspace().matrix(input.rows(), features) : null;
            if (has(Fault.TAKES_MORE)) {
                binding.workspace().matrix(input.rows(), 2);
            }
            scale = binding.parameter(NAME);
            x = HostArray.of(input.data());
            y = HostArray.of(output.data());
            s = HostArray.of(scale.value());
            dx = inputGradient == null ? null : HostArray.of(inputGradient.data());
            dy = binding.training() ? HostArray.of(outputGradient.data()) : null;
            ds = binding.training() ? HostArray.of(scale.gradient()) : null;
        }

        @Override
        public Matrix output() {
            return has(Fault.NULL_OUTPUT) ? null : output;
        }

        @Override
        public Matrix outputGradient() {
            return has(Fault.NULL_OUTPUT_GRADIENT) ? null : outputGradient;
        }

        @Override
        public void forward(Stream stream) {
            throwIf(Fault.THROWS_IN_FORWARD);
            if (has(Fault.THROWS_LATER) && ++forwards > 20) {
                throw new IllegalStateException("enough");
            }
            if (has(Fault.ALLOCATES)) {
                binding.device().allocate(DataType.FLOAT32, 1);
            }
            for (int i = 0; i < x.length() - (has(Fault.OUTPUT_NOT_WRITTEN) ? 1 : 0); i++) {
                y.set(i, s.get(i % features) * x.get(i) + (has(Fault.OUTPUT_ADDED) ? y.get(i) : 0)
                        + (has(Fault.OUTPUT_RANDOM) ? ++forwards : 0) + (has(Fault.NAN_OUTPUT) ? Double.NaN : 0));
            }
            if (has(Fault.INPUT_WRITTEN)) {
                x.set(1, 5);
            }
        }

        @Override
        public void backward(Stream stream, GradientListener listener) {
            throwIf(Fault.THROWS_IN_BACKWARD);
            if (has(Fault.GRADIENT_REPORTED_EARLY)) {
                listener.gradientReady(scale, features);
            }
            scaleGradient();
            if (!has(Fault.GRADIENT_NOT_REPORTED) && !has(Fault.GRADIENT_REPORTED_EARLY)) {
                listener.gradientReady(has(Fault.FOREIGN_GRADIENT) ? null : scale, features);
            }
            if (has(Fault.GRADIENT_REPORTED_TWICE)) {
                listener.gradientReady(scale, features);
            }
            if (has(Fault.VALUE_WRITTEN)) {
                s.set(0, 7);
            }
            for (int i = 0; dx != null && !has(Fault.INPUT_GRADIENT_NOT_WRITTEN) && i < dx.length(); i++) {
                dx.set(i, s.get(i % features) * dy.get(i) * (has(Fault.WRONG_INPUT_GRADIENT) ? 1.001
                        : has(Fault.NAN_INPUT_GRADIENT) ? Double.NaN : 1));
            }
        }

        private void scaleGradient() {
            boolean accumulate = binding.accumulate() ? !has(Fault.GRADIENT_OVERWRITTEN) : has(Fault.GRADIENT_ADDED);
            double factor = has(Fault.WRONG_GRADIENT) || has(Fault.GRADIENT_DOUBLED_IN_SUM) && accumulate ? 2 : 1;
            for (int j = has(Fault.GRADIENT_NOT_WRITTEN) ? 1 : 0; j < features; j++) {
                double sum = accumulate ? ds.get(j) : 0;
                for (int i = j; i < x.length(); i += features) {
                    sum += factor * dy.get(i) * x.get(i);
                }
                ds.set(j, has(Fault.INFINITE_GRADIENT) ? Double.POSITIVE_INFINITY : sum);
            }
        }
    }
}
