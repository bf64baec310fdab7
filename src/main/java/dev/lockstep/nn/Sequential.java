package dev.lockstep.nn;

import dev.lockstep.device.Activation;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Stream;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.BufferShape;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterShape;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Modules one after the other; parameters are named by position, as torch.nn.Sequential does: {@code 0.weight}. An
 * activation between two linear layers is bound into their operations where its derivative follows from its output.
 */
public record Sequential(List<Module> modules) implements Module {
    /** cuBLASLt's rows of a mask, a bit for each output of a ReLU, begin at multiples of 128 bits. */
    private static final int MASK_UNIT_BITS = 128;

    public Sequential {
        modules = List.copyOf(modules);
        if (modules.isEmpty()) {
            throw new IllegalArgumentException("a model without layers");
        }
    }

    @Override
    public List<ParameterShape> parameterShapes() {
        List<ParameterShape> shapes = new ArrayList<>();
        for (int i = 0; i < modules.size(); i++) {
            for (ParameterShape shape : modules.get(i).parameterShapes()) {
                shapes.add(shape.within(Integer.toString(i)));
            }
        }
        return shapes;
    }

    @Override
    public List<BufferShape> bufferShapes() {
        List<BufferShape> shapes = new ArrayList<>();
        for (int i = 0; i < modules.size(); i++) {
            for (BufferShape shape : modules.get(i).bufferShapes()) {
                shapes.add(shape.within(Integer.toString(i)));
            }
        }
        return shapes;
    }

    @Override
    public int outputFeatures(int inputFeatures) {
        int features = inputFeatures;
        for (int i = 0; i < modules.size(); i++) {
            try {
                features = modules.get(i).outputFeatures(features);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("layer " + i + ": " + e.getMessage(), e);
            }
        }
        return features;
    }

    @Override
    public void initialize(Mt19937 generator, Function<String, Parameter> parameters) {
        for (int i = 0; i < modules.size(); i++) {
            String prefix = i + ".";
            modules.get(i).initialize(generator, name -> parameters.apply(prefix + name));
        }
    }

    /** Fused activations take none but a GPU's masks. */
    @Override
    public ActivationMemory activationMemory(int inputFeatures) {
        ActivationMemory memory = ActivationMemory.NONE;
        int features = inputFeatures;
        for (int i = 0; i < modules.size(); i++) {
            memory = memory.plus(modules.get(i).activationMemory(features));
            features = modules.get(i).outputFeatures(features);
            Activation fused = modules.get(i) instanceof Linear ? fusedAfter(i) : Activation.IDENTITY;
            if (fused == Activation.RELU) {
                long maskUnits = (features + MASK_UNIT_BITS - 1L) / MASK_UNIT_BITS;
                memory = memory.plus(new ActivationMemory(0, 0, maskUnits * (MASK_UNIT_BITS / Byte.SIZE), 0));
            }
            if (fused != Activation.IDENTITY) {
                i++;
            }
        }
        return memory;
    }

    @Override
    public int smallestBatch(int ranks) {
        return modules.stream().mapToInt(module -> module.smallestBatch(ranks)).max().orElse(1);
    }

    @Override
    public BoundModule bind(Binding binding, Matrix input, Matrix inputGradient) {
        List<BoundModule> bound = new ArrayList<>();
        Matrix x = input;
        Matrix xGradient = inputGradient;
        Activation inputActivation = Activation.IDENTITY;
        DeviceBuffer inputBiasGradient = null;
        for (int i = 0; i < modules.size(); i++) {
            Binding scope = binding.within(Integer.toString(i));
            BoundModule next;
            if (modules.get(i) instanceof Linear linear) {
                Activation outputActivation = fusedAfter(i);
                next = linear.bind(scope, x, xGradient, inputActivation, inputBiasGradient, outputActivation);
                inputActivation = outputActivation;
                inputBiasGradient = null;
                if (outputActivation != Activation.IDENTITY) {
                    inputBiasGradient = Linear.biasGradient(scope);
                    i++;
                }
            } else {
                next = modules.get(i).bind(scope, x, xGradient);
            }
            bound.add(next);
            x = next.output();
            xGradient = next.outputGradient();
        }
        return new BoundSequential(bound.toArray(BoundModule[]::new));
    }

    /** The activation behind the linear layer at {@code index} if a linear layer follows that takes it over. */
    private Activation fusedAfter(int index) {
        return index + 2 < modules.size()
                && modules.get(index + 1) instanceof ActivationModule module
                && module.activation().derivativeFromOutput()
                && modules.get(index + 2) instanceof Linear ? module.activation() : Activation.IDENTITY;
    }

    private record BoundSequential(BoundModule[] modules) implements BoundModule {
        @Override
        public Matrix output() {
            return modules[modules.length - 1].output();
        }

        @Override
        public Matrix outputGradient() {
            return modules[modules.length - 1].outputGradient();
        }

        @Override
        public void forward(Stream stream) {
            for (BoundModule module : modules) {
                module.forward(stream);
            }
        }

        @Override
        public void backward(Stream stream, GradientListener listener) {
            for (int i = modules.length - 1; i >= 0; i--) {
                modules[i].backward(stream, listener);
            }
        }
    }
}
