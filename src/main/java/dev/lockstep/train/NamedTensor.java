package dev.lockstep.train;

import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.tensor.BufferShape;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A part of an arena under the name that files know it by.
 *
 * @param shape        PyTorch's: [out, in] or [out], [] of a single number
 * @param arena        that it lies in: the parameters', one of the optimizer's of the same layout, or a buffer's own
 *                     memory; of FLOAT32 or INT64
 * @param firstElement of it in the arena
 */
record NamedTensor(String name, long[] shape, DeviceBuffer arena, long firstElement) {
    DataType type() {
        return arena.type();
    }

    long elementCount() {
        return Arrays.stream(shape).reduce(1, Math::multiplyExact);
    }

    DeviceBuffer values() {
        return arena.slice(firstElement, elementCount());
    }

    /** As a PyTorch state_dict names and orders them. */
    static List<NamedTensor> parameters(ParameterArena arena) {
        return in(arena, arena.values(), "");
    }

    /** Parameters, then buffers: all that a PyTorch state_dict of the model holds. */
    static List<NamedTensor> model(ParameterArena arena, ModelBuffers buffers) {
        return Stream.concat(parameters(arena).stream(), buffers.modelOrder().stream().map(buffer -> new NamedTensor(
                buffer.shape().name(), shape(buffer.shape()), buffer.values(), 0))).toList();
    }

    /** {@code 0.weight.momentum_buffer} and so on; none if the optimizer keeps no state. */
    static List<NamedTensor> optimizerState(ParameterArena arena, Optimizer optimizer) {
        Map<String, DeviceBuffer> state = optimizer.state();
        return state.keySet().stream().sorted()
                .flatMap(key -> in(arena, state.get(key), "." + key).stream()).toList();
    }

    private static List<NamedTensor> in(ParameterArena layout, DeviceBuffer arena, String suffix) {
        return layout.modelOrder().stream()
                .map(parameter -> new NamedTensor(parameter.name() + suffix, shape(parameter), arena,
                        parameter.firstElement()))
                .toList();
    }

    private static long[] shape(BufferShape buffer) {
        return buffer.elements() == 0 ? new long[0] : new long[] {buffer.elements()};
    }

    private static long[] shape(Parameter parameter) {
        return parameter.shape().isMatrix() ? new long[] {parameter.shape().rows(), parameter.shape().columns()}
                : new long[] {parameter.shape().rows()};
    }
}
