package dev.lockstep.train;

import dev.lockstep.ddp.RangeUpdate;
import dev.lockstep.device.Operation;
import dev.lockstep.optim.GradientClipping;
import dev.lockstep.optim.Optimizer;
import java.util.Optional;

/** Clips a range's gradients, then has the optimizer update its parameters: in one go, while they are in the cache. */
record ClippedUpdate(GradientClipping clipping, Optimizer optimizer) implements RangeUpdate {
    @Override
    public Operation bind(long firstElement, long elementCount) {
        Operation clip = clipping.clip(firstElement, elementCount);
        Operation update = optimizer.bind(firstElement, elementCount);
        return stream -> {
            clip.enqueue(stream);
            update.enqueue(stream);
        };
    }

    @Override
    public Optional<Overall> overall() {
        return clipping.byNorm() ? Optional.of(new Norm(clipping)) : Optional.empty();
    }

    private record Norm(GradientClipping clipping) implements Overall {
        @Override
        public Operation bindRange(int range, long firstElement, long elementCount) {
            return clipping.sumOfSquares(range, firstElement, elementCount);
        }

        @Override
        public Operation bindAll() {
            return clipping.coefficient();
        }
    }
}
