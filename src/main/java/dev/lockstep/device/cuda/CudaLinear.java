package dev.lockstep.device.cuda;

import dev.lockstep.device.Activation;
import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import dev.lockstep.device.cuda.Matmul.Factor;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The products of a linear layer, each with as much around it as cuBLASLt takes along. What it does not take, for a
 * shape or an alignment that it has no algorithm for, kernels do after it; that is decided when the operation is made,
 * and its {@code toString} tells.
 *
 * <p>A fused ReLU leaves a bit for each element that it let through, which the fused derivative reads instead of the
 * output itself. It may turn NaN into 0; the other activations, and the ReLU of the fallback, keep NaN.
 */
final class CudaLinear {
    private final CudaDevice device;
    private final CublasLt cublasLt;
    private final CudaOperations operations;
    private final Map<Output, Mask> masks = new HashMap<>();

    private record Output(long address, int rows, int columns) {
    }

    /** The bits that go with an output of ReLU. */
    private static final class Mask {
        private final long address;
        /** Some forward pass into the same output does not write it. */
        private boolean unreliable;

        Mask(long address) {
            this.address = address;
        }
    }

    CudaLinear(CudaDevice device, CudaOperations operations) {
        this.device = device;
        this.operations = operations;
        cublasLt = new CublasLt(device);
    }

    /** As {@link CudaOperations#linearForward}, its arguments checked. */
    Operation forward(Matrix x, Matrix weight, DeviceBuffer bias, Matrix y, Activation activation) {
        long vector = bias == null ? 0 : CudaBuffer.address(bias);
        // y [batch, out] = x · weightᵀ: yᵀ = weight · xᵀ.
        Matmul product = new Matmul(factor(weight).transpose(), factor(x), factor(y), false, Epilogue.DEFAULT, 0, 0);
        if (activation != Activation.RELU) {
            return activated(biased(product, vector, y), activation, y);
        }
        Output output = output(y);
        Mask known = masks.get(output);
        long address = known != null ? known.address : CudaBuffer.address(
                device.allocate(DataType.UINT8, Matmul.maskBytes(y.columns(), y.rows())));
        Optional<Operation> fused = cublasLt.prepare(
                product.with(bias == null ? Epilogue.RELU_AUX : Epilogue.RELU_AUX_BIAS, vector, address));
        if (fused.isPresent()) {
            masks.putIfAbsent(output, new Mask(address));
            return fused.get();
        }
        if (known != null) {
            known.unreliable = true;
        }
        return activated(biased(product, vector, y), activation, y);
    }

    private Operation biased(Matmul product, long bias, Matrix y) {
        if (bias == 0) {
            return plain(product);
        }
        return cublasLt.prepare(product.with(Epilogue.BIAS, bias, 0))
                .orElseGet(() -> new Sequence(plain(product), operations.addBias(y, bias)));
    }

    private Operation activated(Operation product, Activation activation, Matrix y) {
        return activation == Activation.IDENTITY ? product
                : new Sequence(product, operations.activationForward(activation, y.data(), y.data()));
    }

    /** As {@link CudaOperations#linearBackwardInput}, its arguments checked. */
    Operation backwardInput(Matrix yGradient, Matrix weight, Matrix xGradient, Activation activation, Matrix x,
            DeviceBuffer biasGradient) {
        // xGradient [batch, in] = yGradient · weight: xGradientᵀ = weightᵀ · yGradientᵀ.
        Matmul product = new Matmul(factor(weight), factor(yGradient), factor(xGradient), false, Epilogue.DEFAULT, 0, 0);
        Mask mask = activation == Activation.RELU ? masks.get(output(x)) : null;
        if (mask != null && !mask.unreliable) {
            Optional<Operation> fused = fusedBackwardInput(product, mask, xGradient, biasGradient);
            if (fused.isPresent()) {
                return fused.get();
            }
        }
        Operation gradient = plain(product);
        if (activation != Activation.IDENTITY) {
            gradient = new Sequence(gradient, operations.activationBackward(activation, null, x.data(),
                    xGradient.data(), xGradient.data()));
        }
        return summed(gradient, xGradient, biasGradient);
    }

    private Optional<Operation> fusedBackwardInput(Matmul product, Mask mask, Matrix xGradient,
            DeviceBuffer biasGradient) {
        // cuBLASLt's sums have the result's type; those of a bfloat16 gradient are wanted as floats.
        if (biasGradient != null && xGradient.data().type() == DataType.FLOAT32) {
            Optional<Operation> withSums = cublasLt.prepare(
                    product.with(Epilogue.DRELU_BGRAD, CudaBuffer.address(biasGradient), mask.address));
            if (withSums.isPresent()) {
                return withSums.map(operation -> checked(operation, mask));
            }
        }
        return cublasLt.prepare(product.with(Epilogue.DRELU, 0, mask.address))
                .map(operation -> summed(checked(operation, mask), xGradient, biasGradient));
    }

    private Operation summed(Operation gradient, Matrix xGradient, DeviceBuffer biasGradient) {
        return biasGradient == null ? gradient
                : new Sequence(gradient, operations.linearBackwardBias(xGradient, biasGradient, false));
    }

    /** As {@link CudaOperations#linearBackwardWeight}, its arguments checked. */
    Operation backwardWeight(Matrix x, Matrix yGradient, Matrix weightGradient, int firstRow, boolean accumulate) {
        // weightGradient [rows, in] = some columns of yGradient, transposed, · x: its transpose = xᵀ · those columns.
        long columns = CudaBuffer.address(yGradient.data()) + (long) firstRow * yGradient.data().type().bytes();
        Factor gradient = new Factor(columns, yGradient.data().type(), weightGradient.rows(), yGradient.rows(),
                yGradient.columns(), true);
        return plain(new Matmul(factor(x), gradient, factor(weightGradient), accumulate, Epilogue.DEFAULT, 0, 0));
    }

    private Operation plain(Matmul product) {
        return cublasLt.prepare(product).orElseThrow(() -> Cuda.failure(
                "cuBLASLt has no algorithm for the product " + product + " of " + product.a().type()));
    }

    /** {@code operation}, unless a forward pass made after it leaves the bits that it reads as they were. */
    private static Operation checked(Operation operation, Mask mask) {
        return new Operation() {
            @Override
            public void enqueue(Stream stream) {
                if (mask.unreliable) {
                    throw new IllegalStateException("after " + operation + " was made, a forward pass was made that"
                            + " leaves no bits for it: make the passes forward first, then those backward");
                }
                operation.enqueue(stream);
            }

            @Override
            public String toString() {
                return operation.toString();
            }
        };
    }

    private static Factor factor(Matrix matrix) {
        return Factor.ofRowMajor(CudaBuffer.address(matrix.data()), matrix.data().type(), matrix.rows(),
                matrix.columns());
    }

    private static Output output(Matrix matrix) {
        return new Output(CudaBuffer.address(matrix.data()), matrix.rows(), matrix.columns());
    }
}
