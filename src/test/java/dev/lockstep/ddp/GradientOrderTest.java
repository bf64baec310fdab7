package dev.lockstep.ddp;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.device.Device;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Stream;
import dev.lockstep.device.Timeline;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.nn.BoundModule;
import dev.lockstep.nn.GradientListener;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.ParameterShape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** Gradients that come in any order, their rows in any pieces: each chunk starts as soon as it may, and not before. */
class GradientOrderTest {
    private final List<String> events = new ArrayList<>();

    @Property(tries = 500, seed = "9")
    void shouldStartAChunkOnceItAndAllBeforeItAreWritten(@ForAll long seed) {
        Random random = new Random(seed);
        Device device = new ReferenceDevice();
        ParameterArena arena = new ParameterArena(device, shapes(random), true);
        BucketPlan plan = BucketPlan.of(arena.backwardOrder().stream().map(Parameter::shape).toList(),
                1 + random.nextInt(1000), 1 + random.nextInt(1000), 1 + random.nextInt(1000));
        DistributedDataParallel ddp = new DistributedDataParallel(device, arena, new LateCommunicator(events), plan, true,
                (first, count) -> on -> { });
        for (int step = 0; step < 2; step++) {
            events.clear();
            ddp.bind(on -> { }, new Shuffled(arena, plan, ddp.overlaps(), random), new Timeline(device)).enqueue(device.computeStream());
        }
    }

    private static List<ParameterShape> shapes(Random random) {
        List<ParameterShape> shapes = new ArrayList<>();
        int count = 1 + random.nextInt(6);
        for (int p = 0; p < count; p++) {
            shapes.add(new ParameterShape("p" + p, 1 + random.nextInt(24), random.nextInt(20),
                    ParameterShape.Role.WEIGHT));
        }
        return shapes;
    }

    /** Reports all rows of all parameters, and after each report counts the chunks that are started. */
    private final class Shuffled implements BoundModule {
        private final ParameterArena arena;
        private final BucketPlan plan;
        private final boolean overlaps;
        private final Random random;

        Shuffled(ParameterArena arena, BucketPlan plan, boolean overlaps, Random random) {
            this.arena = arena;
            this.plan = plan;
            this.overlaps = overlaps;
            this.random = random;
        }

        @Override
        public void backward(Stream stream, GradientListener listener) {
            // Gaps count as written.
            boolean[] written = new boolean[(int) arena.elementCount()];
            Arrays.fill(written, true);
            for (Parameter parameter : arena.backwardOrder()) {
                fill(written, parameter, parameter.shape().rows(), false);
            }
            List<Parameter> unfinished = new ArrayList<>(arena.backwardOrder());
            int[] rows = new int[unfinished.size()];
            while (!unfinished.isEmpty()) {
                Parameter parameter = unfinished.get(random.nextInt(unfinished.size()));
                int index = parameter.index();
                rows[index] += 1 + random.nextInt(parameter.shape().rows() - rows[index]);
                if (rows[index] == parameter.shape().rows()) {
                    unfinished.remove(parameter);
                }
                fill(written, parameter, rows[index], true);
                listener.gradientReady(parameter, rows[index]);
                assertEquals(overlaps ? complete(written) : List.of(), events, plan::toString);
            }
        }

        private void fill(boolean[] written, Parameter parameter, int rows, boolean value) {
            int first = (int) parameter.firstElement();
            Arrays.fill(written, first, first + rows * parameter.shape().rowElements(), value);
        }

        /** The starts of all chunks that end before the first element that is not written. */
        private List<String> complete(boolean[] written) {
            int end = 0;
            while (end < written.length && written[end]) {
                end++;
            }
            List<String> starts = new ArrayList<>();
            for (BucketPlan.Chunk chunk : plan.chunks()) {
                if (chunk.firstElement() + chunk.elementCount() <= end) {
                    starts.add("start " + starts.size());
                }
            }
            return starts;
        }

        @Override
        public void forward(Stream stream) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Matrix output() {
            throw new UnsupportedOperationException();
        }

        @Override
        public Matrix outputGradient() {
            throw new UnsupportedOperationException();
        }
    }
}
