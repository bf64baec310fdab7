package dev.lockstep.nn;

import dev.lockstep.device.Device;
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
    private final boolean training;

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
            boolean training) {
        this.device = device;
        this.workspace = workspace;
        this.parameters = parameters;
        this.rowSplit = rowSplit;
        this.training = training;
    }

    /** For forward and backward. */
    public static Binding forTraining(Device device, Workspace workspace, ParameterArena arena, RowSplit rowSplit) {
        return new Binding(device, workspace, arena::parameter, rowSplit, true);
    }

    /** For forward alone. */
    public static Binding forEvaluation(Device device, Workspace workspace, ParameterArena arena) {
        return new Binding(device, workspace, arena::parameter, RowSplit.WHOLE, false);
    }

    /** The same with parameters looked up under {@code prefix.}. */
    Binding within(String prefix) {
        return new Binding(device, workspace, name -> parameters.apply(prefix + "." + name), rowSplit, training);
    }

    public Device device() {
        return device;
    }

    public Workspace workspace() {
        return workspace;
    }

    public boolean training() {
        return training;
    }

    public Parameter parameter(String name) {
        return parameters.apply(name);
    }

    public int[] rowEnds(Parameter parameter) {
        return rowSplit.rowEnds(parameter);
    }
}
