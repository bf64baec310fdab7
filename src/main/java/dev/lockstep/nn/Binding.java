package dev.lockstep.nn;

import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.LayerOperations;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Timeline;
import dev.lockstep.tensor.ModelBuffers;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.Workspace;

/** What a module is bound with: the device, its parameters and buffers, memory for activations. */
public final class Binding {
    private final Context context;
    private final String path;
    private final boolean accumulate;
    private final RandomLayers randomLayers;

    /** What is the same for all modules of a model; {@code timeline} and {@code randomness} are null outside training. */
    private record Context(Device device, Workspace workspace, ParameterArena arena, ModelBuffers buffers,
            RowSplit rowSplit, Timeline timeline, Randomness randomness, RankSums rankSums) {
    }

    /** Counts the layers of a model that draw random numbers, as they are bound. */
    private static final class RandomLayers {
        private int count;
    }

    /** Where the rows of a weight's gradient are wanted one part before the other. */
    @FunctionalInterface
    public interface RowSplit {
        /** The whole gradient at once. */
        RowSplit WHOLE = parameter -> new int[] {parameter.shape().rows()};

        /**
         * Ascending ends of the row ranges, the last being the parameter's number of rows. Several may be computed at
         * once where the device does small ones badly.
         */
        int[] rowEnds(Parameter parameter);
    }

    private Binding(Context context, String path, boolean accumulate, RandomLayers randomLayers) {
        this.context = context;
        this.path = path;
        this.accumulate = accumulate;
        this.randomLayers = randomLayers;
    }

    private static Binding of(Context context) {
        return new Binding(context, "", false, new RandomLayers());
    }

    /**
     * For forward and backward, of a model without buffers and random numbers on a rank that is alone, unless said
     * otherwise below. A binding is good for one {@link Module#bind} of a model.
     *
     * @param timeline that the modules' operations are timed on
     */
    public static Binding forTraining(Device device, Workspace workspace, ParameterArena arena, RowSplit rowSplit,
            Timeline timeline) {
        return of(new Context(device, workspace, arena, null, rowSplit, timeline, null, RankSums.ALONE));
    }

    /** For forward alone. */
    public static Binding forEvaluation(Device device, Workspace workspace, ParameterArena arena) {
        return of(new Context(device, workspace, arena, null, RowSplit.WHOLE, null, null, RankSums.ALONE));
    }

    /** The same for a model of these buffers. */
    public Binding with(ModelBuffers buffers) {
        Context c = context;
        return with(new Context(c.device, c.workspace, c.arena, buffers, c.rowSplit, c.timeline, c.randomness, c.rankSums));
    }

    /**
     * The same for training with layers that draw random numbers or see the batches of all ranks.
     *
     * @param randomness counted on by whoever enqueues the steps
     */
    public Binding with(Randomness randomness, RankSums rankSums) {
        Context c = context;
        return with(new Context(c.device, c.workspace, c.arena, c.buffers, c.rowSplit, c.timeline, randomness, rankSums));
    }

    private Binding with(Context other) {
        return new Binding(other, path, accumulate, new RandomLayers());
    }

    /** The same with parameters and buffers looked up under {@code prefix.}. */
    public Binding within(String prefix) {
        return new Binding(context, path + prefix + ".", accumulate, randomLayers);
    }

    /** The same for a micro-batch behind others of its step: backward adds to the parameters' gradients. */
    public Binding accumulating() {
        return new Binding(context, path, true, new RandomLayers());
    }

    /** Whose operations and memory the module is to use. */
    public Device device() {
        return context.device;
    }

    /** Memory for outputs and their gradients, to be asked for in the same order each time that a module is bound. */
    public Workspace workspace() {
        return context.workspace;
    }

    /** Whether backward is wanted, too; without it there are no gradients. */
    public boolean training() {
        return context.timeline != null;
    }

    /**
     * {@code operation}, timed where this is for training; {@code name} is completed by where the module stands.
     *
     * @param flops multiplications and additions of a matrix product; 0 for what is none
     */
    public Operation timed(Timeline.Phase phase, String name, double flops, Operation operation) {
        return context.timeline == null ? operation : context.timeline.timed(phase, path + name, flops, operation);
    }

    /** Whether backward adds to the gradients of the parameters, instead of overwriting them. */
    public boolean accumulate() {
        return accumulate;
    }

    /**
     * A parameter by the name that the module declares it with.
     *
     * @throws IllegalArgumentException if it declares none of that name
     */
    public Parameter parameter(String name) {
        return context.arena.parameter(path + name);
    }

    /** @throws IllegalStateException if this is for a model without buffers */
    public DeviceBuffer buffer(String name) {
        if (context.buffers == null) {
            throw new IllegalStateException("no buffers are given, and " + path + name + " is asked for");
        }
        return context.buffers.values(path + name);
    }

    /** As {@link RowSplit#rowEnds} says; a module may compute the whole gradient at once all the same. */
    public int[] rowEnds(Parameter parameter) {
        return context.rowSplit.rowEnds(parameter);
    }

    /** The sum of {@code numbers} over all ranks, named after where the module stands; see {@link RankSums}. */
    public Operation sumOverRanks(String name, DeviceBuffer numbers) {
        return context.rankSums.sumOverRanks(path + name, numbers);
    }

    /**
     * What a layer that draws random numbers draws from; each call is for the next of them in the model.
     *
     * @throws IllegalStateException if none are given
     */
    public LayerOperations.RandomSource randomSource() {
        if (context.randomness == null) {
            throw new IllegalStateException("no random numbers are given, and " + path + " draws some");
        }
        return context.randomness.source(randomLayers.count++);
    }
}
