package dev.lockstep.device.cuda;

import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;

/** One operation after the other. */
record Sequence(Operation first, Operation second) implements Operation {
    @Override
    public void enqueue(Stream stream) {
        first.enqueue(stream);
        second.enqueue(stream);
    }

    @Override
    public String toString() {
        return first + ", then " + second;
    }
}
