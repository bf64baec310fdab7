package dev.lockstep.optim;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Operation;
import dev.lockstep.tensor.ParameterArena;
import java.util.OptionalDouble;

/**
 * Holds gradients back before the update: torch.nn.utils.clip_grad_norm_, then clip_grad_value_. Works on ranges of the
 * gradient arena, in place, and waits for nobody.
 *
 * <p>The norm is that of all gradients. Its sum of squares is taken range by range; the coefficient that comes of it stays
 * in the device's memory, where {@link #clip} reads it: nothing has to come back to the host in between.
 */
public final class GradientClipping {
    private final Device device;
    private final ParameterArena arena;
    private final OptionalDouble maximumNorm;
    private final OptionalDouble maximumValue;
    private final DeviceBuffer sums; // FLOAT64 [ranges]
    private final DeviceBuffer coefficient; // FLOAT64 [1]

    /**
     * @param maximumNorm  above 0; empty: not clipped by norm
     * @param maximumValue above 0; empty: not clipped by value
     * @param ranges       that the arena is divided into
     */
    public GradientClipping(Device device, ParameterArena arena, OptionalDouble maximumNorm, OptionalDouble maximumValue,
            int ranges) {
        this.device = device;
        this.arena = arena;
        this.maximumNorm = maximumNorm;
        this.maximumValue = maximumValue;
        sums = maximumNorm.isPresent() ? device.allocate(DataType.FLOAT64, ranges) : null;
        coefficient = maximumNorm.isPresent() ? device.allocate(DataType.FLOAT64, 1) : null;
    }

    public boolean isOn() {
        return byNorm() || maximumValue.isPresent();
    }

    /** Whether a range can only be clipped once all gradients are there. */
    public boolean byNorm() {
        return maximumNorm.isPresent();
    }

    /** Prepares the sum of squares of a range's gradients. */
    public Operation sumOfSquares(int range, long firstElement, long elementCount) {
        return device.operations().sumOfSquares(arena.gradients().slice(firstElement, elementCount), sums.slice(range, 1));
    }

    /** Prepares what follows the sums of all ranges: the factor that leaves the norm at its maximum, at most 1. */
    public Operation coefficient() {
        return device.operations().clipCoefficient(sums, maximumNorm.getAsDouble(), coefficient);
    }

    /** Prepares the clipping of a range's gradients, behind {@link #coefficient} where it is by norm. */
    public Operation clip(long firstElement, long elementCount) {
        return device.operations().clip(arena.gradients().slice(firstElement, elementCount), coefficient,
                maximumValue.orElse(Double.POSITIVE_INFINITY));
    }
}
