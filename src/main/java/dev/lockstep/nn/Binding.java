package dev.lockstep.nn;

import dev.lockstep.device.Device;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Timeline;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.Workspace;
import java.util.function.Function;

/** What a module is bound with: the device, its parameters, memory for activations. */
public final class Binding {
    private final Device device;
    private final Workspace workspace;
    private final Function<String, Parameter> parameters;
    private final RowSplit rowSplit;
    /** Null outside training. */
    private final Timeline timeline;
    private final String path;
    private final boolean accumulate;

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

    private Binding(Device device, Workspace workspace, Function<String, Parameter> parameters, RowSplit rowSplit,
            Timeline timeline, String path, boolean accumulate) {
        this.device = device;
        this.workspace = workspace;
        this.parameters = parameters;
        this.rowSplit = rowSplit;
        this.timeline = timeline;
        this.path = path;
        this.accumulate = accumulate;
    }

    /**
     * For forward and backward.
     *
     * @param timeline that the modules' operations are timed on
     */
    public static Binding forTraining(Device device, Workspace workspace, ParameterArena arena, RowSplit rowSplit,
            Timeline timeline) {
        return new Binding(device, workspace, arena::parameter, rowSplit, timeline, "", false);
    }

    /** For forward alone. */
    public static Binding forEvaluation(Device device, Workspace workspace, ParameterArena arena) {
        return new Binding(device, workspace, arena::parameter, RowSplit.WHOLE, null, "", false);
    }

    /** The same with parameters looked up under {@code prefix.}. */
    Binding within(String prefix) {
        return new Binding(device, workspace, name -> parameters.apply(prefix + "." + name), rowSplit, timeline,
                path + prefix + ".", accumulate);
    }

    /** The same for a micro-batch behind others of its step: backward adds to the parameters' gradients. */
    public Binding accumulating() {
        return new Binding(device, workspace, parameters, rowSplit, timeline, path, true);
    }

    public Device device() {
        return device;
    }

    public Workspace workspace() {
        return workspace;
    }

    public boolean training() {
        return timeline != null;
    }

    /** {@code operation}, timed where this is for training; {@code name} is completed by where the module stands. */
    Operation timed(Timeline.Phase phase, String name, double flops, Operation operation) {
        return timeline == null ? operation : timeline.timed(phase, path + name, flops, operation);
    }

    /** Whether backward adds to the gradients of the parameters, instead of overwriting them. */
    public boolean accumulate() {
        return accumulate;
    }

    public Parameter parameter(String name) {
        return parameters.apply(name);
    }

    public int[] rowEnds(Parameter parameter) {
        return rowSplit.rowEnds(parameter);
    }
}
