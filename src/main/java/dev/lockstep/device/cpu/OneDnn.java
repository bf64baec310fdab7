package dev.lockstep.device.cpu;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_BIAS;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DIFF_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WEIGHTS;
import static org.bytedeco.dnnl.global.dnnl.dnnl_sgemm;

import dev.lockstep.device.Activation;
import dev.lockstep.device.Operation;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.eltwise_backward;
import org.bytedeco.dnnl.eltwise_forward;
import org.bytedeco.dnnl.global.dnnl.algorithm;
import org.bytedeco.dnnl.global.dnnl.prop_kind;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.stream;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;

/** oneDNN's primitives as operations bound to addresses. */
final class OneDnn {
    /**
     * A float matrix in memory: element [i, j] lies at {@code address + 4 (i · rowStride + j · columnStride)}, where
     * one of the strides is 1.
     */
    record Operand(long address, long rows, long columns, long rowStride, long columnStride) {
        static Operand of(long address, long rows, long columns) {
            return new Operand(address, rows, columns, columns, 1);
        }

        Operand transposed() {
            return new Operand(address, columns, rows, columnStride, rowStride);
        }

        /** The leading dimension that BLAS takes. */
        private long leadingDimension() {
            return Math.max(rowStride, columnStride);
        }

        /** BLAS's letter: N for row-major, T for the transpose of a row-major matrix. */
        private byte layout() {
            // A single row or column has both strides 1, and may be read either way only if its rows then fit.
            return (byte) (columnStride == 1 && rowStride >= columns ? 'N' : 'T');
        }
    }

    /** An executable primitive; holds what oneDNN only points to. */
    private record PrimitiveOperation(primitive primitive, stream stream, IntMemoryMap arguments)
            implements Operation {
        @Override
        public void enqueue(dev.lockstep.device.Stream unused) {
            primitive.execute(stream, arguments);
        }

        @Override
        public String toString() {
            return "oneDNN " + primitive.getClass().getSimpleName();
        }
    }

    private static final class Address extends FloatPointer {
        Address(long address) {
            super((Pointer) null);
            this.address = address;
        }
    }

    private final engine engine;
    private final stream stream;

    OneDnn(engine engine) {
        this.engine = engine;
        this.stream = new stream(engine);
    }

    /**
     * c = activation(a · b + bias), as one primitive.
     *
     * @param bias       address of c's columns many floats; 0 for none
     * @param accumulate c += a · b instead
     */
    Operation matmul(Operand a, Operand b, long bias, Operand c, Activation activation, boolean accumulate) {
        post_ops after = new post_ops();
        if (accumulate) {
            after.append_sum(1.0f, 0, memory.data_type.f32);
        }
        if (activation != Activation.IDENTITY) {
            after.append_eltwise(forwardAlgorithm(activation), 0.0f, 0.0f);
        }
        primitive_attr attributes = new primitive_attr();
        attributes.set_post_ops(after);
        memory.desc aShape = shape(a);
        memory.desc bShape = shape(b);
        memory.desc cShape = shape(c);
        matmul.primitive_desc description;
        IntMemoryMap arguments = new IntMemoryMap();
        if (bias == 0) {
            description = new matmul.primitive_desc(engine, aShape, bShape, cShape, attributes, false);
        } else {
            memory.desc biasShape = shape(Operand.of(bias, 1, c.columns()));
            description = new matmul.primitive_desc(engine, aShape, bShape, biasShape, cShape, attributes, false);
            arguments.put(DNNL_ARG_BIAS, memory(biasShape, bias));
        }
        arguments.put(DNNL_ARG_SRC, memory(aShape, a.address()));
        arguments.put(DNNL_ARG_WEIGHTS, memory(bShape, b.address()));
        arguments.put(DNNL_ARG_DST, memory(cShape, c.address()));
        return new PrimitiveOperation(new matmul(description), stream, arguments);
    }

    /** c = a · b, or c += a · b if {@code accumulate}, by oneDNN's BLAS entry point; c is row-major. */
    Operation sgemm(Operand a, Operand b, Operand c, boolean accumulate) {
        Address aPointer = new Address(a.address());
        Address bPointer = new Address(b.address());
        Address cPointer = new Address(c.address());
        float beta = accumulate ? 1.0f : 0.0f;
        return unused -> {
            int status = dnnl_sgemm(a.layout(), b.layout(), c.rows(), c.columns(), a.columns(), 1.0f, aPointer,
                    a.leadingDimension(), bPointer, b.leadingDimension(), beta, cPointer, c.leadingDimension());
            if (status != 0) {
                throw new IllegalStateException("dnnl_sgemm of " + c.rows() + " x " + c.columns() + " x "
                        + a.columns() + " failed with status " + status);
            }
        };
    }

    Operation eltwiseForward(Activation activation, long x, long y, long count) {
        memory.desc shape = vector(count);
        IntMemoryMap arguments = new IntMemoryMap();
        arguments.put(DNNL_ARG_SRC, memory(shape, x));
        arguments.put(DNNL_ARG_DST, memory(shape, y));
        return new PrimitiveOperation(new eltwise_forward(forward(activation, shape)), stream, arguments);
    }

    /** @param saved the activation's output, or its input where the derivative does not follow from the output */
    Operation eltwiseBackward(Activation activation, long saved, long yGradient, long xGradient, long count) {
        memory.desc shape = vector(count);
        eltwise_backward.primitive_desc description = new eltwise_backward.primitive_desc(engine,
                backwardAlgorithm(activation), shape, shape, shape, 0.0f, 0.0f, forward(activation, shape));
        IntMemoryMap arguments = new IntMemoryMap();
        arguments.put(activation.derivativeFromOutput() ? DNNL_ARG_DST : DNNL_ARG_SRC, memory(shape, saved));
        arguments.put(DNNL_ARG_DIFF_DST, memory(shape, yGradient));
        arguments.put(DNNL_ARG_DIFF_SRC, memory(shape, xGradient));
        return new PrimitiveOperation(new eltwise_backward(description), stream, arguments);
    }

    private eltwise_forward.primitive_desc forward(Activation activation, memory.desc shape) {
        return new eltwise_forward.primitive_desc(engine, prop_kind.forward_training, forwardAlgorithm(activation),
                shape, shape, 0.0f, 0.0f);
    }

    private static algorithm forwardAlgorithm(Activation activation) {
        return switch (activation) {
            case RELU -> algorithm.eltwise_relu;
            case SIGMOID -> algorithm.eltwise_logistic;
            case TANH -> algorithm.eltwise_tanh;
            case GELU -> algorithm.eltwise_gelu_erf;
            case IDENTITY -> throw new IllegalArgumentException("the identity is no primitive");
        };
    }

    private static algorithm backwardAlgorithm(Activation activation) {
        return switch (activation) {
            case RELU -> algorithm.eltwise_relu_use_dst_for_bwd;
            case SIGMOID -> algorithm.eltwise_logistic_use_dst_for_bwd;
            case TANH -> algorithm.eltwise_tanh_use_dst_for_bwd;
            case GELU -> algorithm.eltwise_gelu_erf;
            case IDENTITY -> throw new IllegalArgumentException("the identity is no primitive");
        };
    }

    private static memory.desc shape(Operand operand) {
        return new memory.desc(new long[] {operand.rows(), operand.columns()}, memory.data_type.f32,
                new long[] {operand.rowStride(), operand.columnStride()});
    }

    private static memory.desc vector(long count) {
        return new memory.desc(new long[] {count}, memory.data_type.f32, memory.format_tag.a);
    }

    private memory memory(memory.desc shape, long address) {
        return new memory(shape, engine, new Address(address));
    }
}
