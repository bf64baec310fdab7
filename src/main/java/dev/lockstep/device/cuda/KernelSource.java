package dev.lockstep.device.cuda;

import dev.lockstep.device.DataType;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The kernels (src/main/cuda, packed beside this class) as one program that includes them all.
 *
 * @param program      what the compiler is given
 * @param headerNames  names that the program includes
 * @param headers      their texts, in the same order
 */
record KernelSource(String program, List<String> headerNames, List<String> headers) {
    static final List<String> HEADER_NAMES = List.of("activation.h", "adam.h", "batch_norm.h", "column.h", "convert.h",
            "cross_entropy.h", "dropout.h", "gather.h", "kernel.h", "layer_norm.h", "linear.h", "loss.h",
            "mean_squared_error.h", "norm.h", "product.h", "residual.h", "row.h", "sgd.h", "smooth_activation.h");

    /** The kernels for a device that computes in {@code computeType}. */
    static KernelSource forComputeType(DataType computeType) {
        StringBuilder program = new StringBuilder();
        if (computeType == DataType.BFLOAT16) {
            program.append("#define COMPUTE_BFLOAT16\n");
        }
        for (String name : HEADER_NAMES) {
            program.append("#include \"").append(name).append("\"\n");
        }
        return new KernelSource(program.toString(), HEADER_NAMES,
                HEADER_NAMES.stream().map(KernelSource::read).toList());
    }

    private static String read(String name) {
        try (InputStream stream = KernelSource.class.getResourceAsStream(name)) {
            if (stream == null) {
                throw new IllegalStateException("the program's jar lacks the kernels of " + name);
            }
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("reading the kernels of " + name + " from the program's jar", e);
        }
    }
}
