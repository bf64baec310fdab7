package dev.lockstep.device;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * When each operation of a training step ran. Operations are wrapped at set-up; a step is timed while the timeline is on,
 * which allocates nothing. Used by the thread that enqueues them.
 */
public final class Timeline {
    /** What a step does, one after the other; updates may begin while later gradients are still on their way. */
    public enum Phase {
        DATA, FORWARD, BACKWARD, OPTIMIZER
    }

    /** One operation's times. */
    public static final class Span {
        private final Phase phase;
        private final String name;
        private final double flops;
        private final Timestamp begin;
        private final Timestamp end;

        private Span(Phase phase, String name, double flops, Device device) {
            this.phase = phase;
            this.name = name;
            this.flops = flops;
            begin = device.newTimestamp();
            end = device.newTimestamp();
        }

        public Phase phase() {
            return phase;
        }

        /** {@code "2.forward"}, by the layer's position in the model. */
        public String name() {
            return name;
        }

        /** Of a matrix product; 0 for what is none. */
        public double flops() {
            return flops;
        }

        /** System.nanoTime, of the last step that was timed and is done. */
        public long beginNanos() {
            return begin.nanos();
        }

        public long endNanos() {
            return end.nanos();
        }
    }

    private final Device device;
    private final List<Span> spans = new ArrayList<>();
    private boolean on;

    public Timeline(Device device) {
        this.device = device;
    }

    /**
     * {@code operation} with its times taken.
     *
     * @param flops multiplications and additions of a matrix product; 0 for what is none
     */
    public Operation timed(Phase phase, String name, double flops, Operation operation) {
        Span span = new Span(phase, name, flops, device);
        spans.add(span);
        return stream -> {
            if (on) {
                span.begin.record(stream);
                operation.enqueue(stream);
                span.end.record(stream);
            } else {
                operation.enqueue(stream);
            }
        };
    }

    /** Whether what is enqueued, or recorded into a graph, from now on is timed. */
    public void setOn(boolean on) {
        this.on = on;
    }

    public boolean isOn() {
        return on;
    }

    /** In the order in which they were wrapped. */
    public List<Span> spans() {
        return spans;
    }

    /** In the order in which they ran; a step must have been timed. */
    public List<Span> inOrder() {
        return spans.stream().sorted(Comparator.comparingLong(Span::beginNanos)).toList();
    }
}
