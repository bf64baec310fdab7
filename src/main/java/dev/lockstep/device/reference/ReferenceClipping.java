package dev.lockstep.device.reference;

import static dev.lockstep.device.OperationChecks.floatType;

import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Operation;
import dev.lockstep.device.OperationChecks;

/** The operations that clip gradients. */
final class ReferenceClipping {
    private static final double NORM_EPSILON = 1e-6;

    private final ReferenceOperations operations;

    ReferenceClipping(ReferenceOperations operations) {
        this.operations = operations;
    }

    Operation sumOfSquares(DeviceBuffer x, DeviceBuffer result) {
        OperationChecks.sumOfSquares(floatType(x), x, result);
        ReferenceBuffer xs = operations.own(x);
        ReferenceBuffer results = operations.output(result, xs);
        int elementCount = Math.toIntExact(x.elementCount());
        return stream -> {
            double sum = 0;
            for (int i = 0; i < elementCount; i++) {
                sum += xs.get(i) * xs.get(i);
            }
            results.set(0, sum);
        };
    }

    Operation coefficient(DeviceBuffer sums, double maximumNorm, DeviceBuffer coefficient) {
        OperationChecks.clipCoefficient(sums, maximumNorm, coefficient);
        ReferenceBuffer squares = operations.own(sums);
        ReferenceBuffer coefficients = operations.output(coefficient, squares);
        int ranges = Math.toIntExact(sums.elementCount());
        return stream -> {
            double sum = 0;
            for (int i = 0; i < ranges; i++) {
                sum += squares.get(i);
            }
            coefficients.set(0, Math.min(1, maximumNorm / (Math.sqrt(sum) + NORM_EPSILON)));
        };
    }

    Operation clip(DeviceBuffer gradient, DeviceBuffer coefficient, double limit) {
        OperationChecks.clip(floatType(gradient), gradient, coefficient, limit);
        ReferenceBuffer coefficients = operations.own(coefficient);
        ReferenceBuffer gradients = operations.output(gradient, coefficients);
        int elementCount = Math.toIntExact(gradient.elementCount());
        return stream -> {
            double factor = coefficients == null ? 1 : coefficients.get(0);
            for (int i = 0; i < elementCount; i++) {
                gradients.set(i, Math.max(-limit, Math.min(limit, factor * gradients.get(i))));
            }
        };
    }
}
