package dev.lockstep.tensor;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * All parameters of a model in one allocation and all their gradients in another, both laid out in backward order: the
 * reverse of the model's, as DDP fills its buckets. So a bucket is a contiguous range of the gradient arena and an
 * optimizer's state has the same layout. Each parameter starts at a multiple of {@link #ALIGNMENT_ELEMENTS}; the gaps
 * hold zeros and stay zero. Where the device computes in a smaller type, a third allocation holds the parameters in it.
 */
public final class ParameterArena {
    /** One cache line of floats. */
    public static final int ALIGNMENT_ELEMENTS = 16;

    private final DeviceBuffer values;
    private final DeviceBuffer computeValues;
    private final Operation convert;
    private final DeviceBuffer gradients;
    private final List<Parameter> modelOrder;
    private final List<Parameter> backwardOrder;
    private final Map<String, Parameter> byName = new HashMap<>();

    /** Of FLOAT32. */
    public ParameterArena(Device device, List<ParameterShape> shapes, boolean withGradients) {
        this(device, DataType.FLOAT32, shapes, withGradients);
    }

    /**
     * @param type          FLOAT32; where the device computes in it, FLOAT64
     * @param shapes        in model order, names unique
     * @param withGradients false where the model is only evaluated
     */
    public ParameterArena(Device device, DataType type, List<ParameterShape> shapes, boolean withGradients) {
        this(device, type, shapes, withGradients ? device.allocate(type, elementCount(shapes)) : null);
    }

    /**
     * Of FLOAT32.
     *
     * @param gradients zeroed, of the shapes' {@link #elementCount(List)}
     */
    public ParameterArena(Device device, List<ParameterShape> shapes, DeviceBuffer gradients) {
        this(device, DataType.FLOAT32, shapes, gradients);
    }

    private ParameterArena(Device device, DataType type, List<ParameterShape> shapes, DeviceBuffer gradients) {
        long elements = elementCount(shapes);
        this.gradients = gradients;
        values = device.allocate(type, elements);
        boolean converts = type == DataType.FLOAT32 && device.computeType() != type;
        computeValues = converts ? device.allocate(device.computeType(), elements) : values;
        convert = converts ? device.operations().convert(values, computeValues) : stream -> { };
        List<Parameter> backward = new ArrayList<>();
        long first = 0;
        for (int i = shapes.size() - 1; i >= 0; i--) {
            ParameterShape shape = shapes.get(i);
            long count = shape.elementCount();
            Parameter parameter = new Parameter(shape, backward.size(), first, values.slice(first, count),
                    computeValues.slice(first, count), gradients == null ? null : gradients.slice(first, count));
            if (byName.put(shape.name(), parameter) != null) {
                throw new IllegalArgumentException("two parameters named " + shape.name());
            }
            backward.add(parameter);
            first += aligned(count);
        }
        backwardOrder = List.copyOf(backward);
        Parameter[] model = new Parameter[backward.size()];
        Arrays.setAll(model, i -> backward.get(backward.size() - 1 - i));
        modelOrder = List.of(model);
    }

    /** Elements of one arena, gaps included. */
    public static long elementCount(List<ParameterShape> shapes) {
        return shapes.stream().mapToLong(shape -> aligned(shape.elementCount())).reduce(0, Math::addExact);
    }

    /** The elements that a parameter takes in an arena, with the gap behind it. */
    public static long aligned(long elements) {
        return (elements + ALIGNMENT_ELEMENTS - 1) / ALIGNMENT_ELEMENTS * ALIGNMENT_ELEMENTS;
    }

    public DeviceBuffer values() {
        return values;
    }

    /** Whether modules compute with converted copies of the values. */
    public boolean converts() {
        return computeValues != values;
    }

    /** The values in the device's compute type; {@link #values} itself where that is their type. */
    public DeviceBuffer computeValues() {
        return computeValues;
    }

    /** Enqueues the conversion of all values: wanted after they were written by other means than an optimizer's update. */
    public void convert(Stream stream) {
        convert.enqueue(stream);
    }

    /** @throws IllegalStateException in an arena without gradients */
    public DeviceBuffer gradients() {
        if (gradients == null) {
            throw new IllegalStateException("this arena holds no gradients");
        }
        return gradients;
    }

    public long elementCount() {
        return values.elementCount();
    }

    /** As the model declares them: PyTorch's order of parameters(). */
    public List<Parameter> modelOrder() {
        return modelOrder;
    }

    /** As backward fills their gradients, and as they lie in memory. */
    public List<Parameter> backwardOrder() {
        return backwardOrder;
    }

    /** @throws IllegalArgumentException if there is none of that name */
    public Parameter parameter(String name) {
        Parameter parameter = byName.get(name);
        if (parameter == null) {
            throw new IllegalArgumentException("no parameter " + name);
        }
        return parameter;
    }
}
