package dev.lockstep.ddp;

import dev.lockstep.device.Operation;
import java.util.Optional;

/** What becomes of gradients once they are summed over all ranks; prepared for each range of the arena. */
@FunctionalInterface
public interface RangeUpdate {
    /** What updates that hang on all gradients, such as on their norm, need to know of them. */
    interface Overall {
        /** Prepares what is run as soon as the range's sum is there. */
        Operation bindRange(int range, long firstElement, long elementCount);

        /** Prepares what is run behind the last of these, and before the first update. */
        Operation bindAll();
    }

    /** Prepares the update of a range of parameters. */
    Operation bind(long firstElement, long elementCount);

    /** Empty where a range can be updated as soon as its own sum is there. */
    default Optional<Overall> overall() {
        return Optional.empty();
    }
}
