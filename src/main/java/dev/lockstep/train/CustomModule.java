package dev.lockstep.train;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Stream;
import dev.lockstep.nn.ActivationMemory;
import dev.lockstep.nn.Binding;
import dev.lockstep.nn.BoundModule;
import dev.lockstep.nn.CheckedModule;
import dev.lockstep.nn.GradientListener;
import dev.lockstep.nn.Module;
import dev.lockstep.nn.ModuleContractException;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.BufferShape;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterShape;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A module of a class of the user's. What it throws, and what it answers but may not, gets the name of the class and of
 * what it did: before training as InvalidInputException, in forward and backward as TrainingException.
 *
 * @param where {@code "model.1 (class com.example.Swish)"}
 */
record CustomModule(String where, CheckedModule module) implements Module {
    @Override
    public List<ParameterShape> parameterShapes() {
        return guarded("parameterShapes", module::parameterShapes);
    }

    @Override
    public List<BufferShape> bufferShapes() {
        return guarded("bufferShapes", module::bufferShapes);
    }

    @Override
    public int outputFeatures(int inputFeatures) {
        try {
            return guarded("outputFeatures", () -> module.outputFeatures(inputFeatures));
        } catch (InvalidInputException e) {
            // The way to refuse a number of features.
            throw e.getCause() instanceof IllegalArgumentException refusal
                    ? new InvalidInputException(where + ": " + refusal.getMessage(), refusal) : e;
        }
    }

    @Override
    public void initialize(Mt19937 generator, Function<String, Parameter> parameters) {
        guarded("initialize", () -> {
            module.initialize(generator, parameters);
            return null;
        });
    }

    @Override
    public ActivationMemory activationMemory(int inputFeatures) {
        return guarded("activationMemory", () -> module.activationMemory(inputFeatures));
    }

    @Override
    public int smallestBatch(int ranks) {
        return guarded("smallestBatch", () -> module.smallestBatch(ranks));
    }

    @Override
    public BoundModule bind(Binding binding, Matrix input, Matrix inputGradient) {
        return new BoundCustomModule(where, guarded("bind", () -> module.bind(binding, input, inputGradient)));
    }

    private <T> T guarded(String method, Supplier<T> body) {
        try {
            return body.get();
        } catch (Exception | Error e) {
            throw before(where, method, e);
        }
    }

    /** What a failure of the user's code before training is reported as. */
    static RuntimeException before(String where, String method, Throwable failure) {
        if (failure instanceof InvalidInputException || failure instanceof ModuleContractException) {
            return new InvalidInputException(where + ": " + failure.getMessage(), failure);
        }
        return isOurs(failure) ? (RuntimeException) failure
                : new InvalidInputException(what(where, method, failure), failure);
    }

    /** The listener's exceptions, say, come through backward and are none of the user's. */
    private static boolean isOurs(Throwable failure) {
        return failure instanceof RuntimeException && failure.getClass().getName().startsWith("dev.lockstep.");
    }

    private static String what(String where, String method, Throwable failure) {
        StackTraceElement[] frames = failure.getStackTrace();
        String place = frames.length == 0 || frames[0].getFileName() == null ? ""
                : " (" + frames[0].getFileName() + ":" + frames[0].getLineNumber() + ")";
        String message = failure.getMessage() == null ? "" : ": " + failure.getMessage();
        return where + ": " + method + " threw " + failure.getClass().getSimpleName() + message + place;
    }

    private record BoundCustomModule(String where, BoundModule module) implements BoundModule {
        @Override
        public Matrix output() {
            return module.output();
        }

        @Override
        public Matrix outputGradient() {
            return module.outputGradient();
        }

        @Override
        public void forward(Stream stream) {
            try {
                module.forward(stream);
            } catch (Exception | Error e) {
                throw during("forward", e);
            }
        }

        @Override
        public void backward(Stream stream, GradientListener listener) {
            try {
                module.backward(stream, listener);
            } catch (Exception | Error e) {
                throw during("backward", e);
            }
        }

        private RuntimeException during(String method, Throwable failure) {
            if (failure instanceof InvalidInputException) {
                return before(where, method, failure);
            }
            return isOurs(failure) ? (RuntimeException) failure
                    : new TrainingException(what(where, method, failure), failure);
        }
    }
}
