package dev.lockstep.nn;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterShape;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/**
 * Tries a module out and holds it to what {@link Module} and {@link BoundModule} promise: names and shapes, that all
 * outputs and gradients are written and reported, that backward overwrites or, where it is asked to, adds. Whether the
 * gradients are right is for the {@link GradientChecker} to say.
 */
public final class ModuleContract {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*");
    private static final int SMALL_BATCH = 4;
    /** Of numbers that were summed in another order. */
    private static final double TOLERANCE = 1e-3;

    private final Device device;
    private final DataType type;
    private final Module module;
    private final int inputFeatures;
    private int batch;
    private int outputFeatures;
    private ModuleProbe probe;

    private ModuleContract(Device device, DataType type, Module module, int inputFeatures) {
        this.device = device;
        this.type = type;
        this.module = new CheckedModule(module);
        this.inputFeatures = inputFeatures;
    }

    /**
     * Runs forward and backward a few times on a few samples of random numbers.
     *
     * @param device of host memory, which the arrays stay in until it is closed
     * @throws ModuleContractException naming the first promise that the module breaks
     */
    public static void check(Device device, Module module, int inputFeatures) {
        check(device, DataType.FLOAT32, module, inputFeatures);
    }

    static void check(Device device, DataType type, Module module, int inputFeatures) {
        new ModuleContract(device, type, module, inputFeatures).check();
    }

    private void check() {
        checkDescription();
        // The short last batch of an epoch has one sample less, and is bound in the memory of the large ones.
        batch = Math.max(SMALL_BATCH, module.smallestBatch(1) + 1);
        probe = new ModuleProbe(device, type, module, inputFeatures, batch);
        checkMemory();
        List<double[]> gradients = checkTraining(batch, false);
        checkTraining(batch - 1, false);
        checkSums(gradients, checkTraining(batch, true));
        checkWithoutInputGradient();
        checkEvaluation();
    }

    private void checkDescription() {
        outputFeatures = module.outputFeatures(inputFeatures);
        module.outputFeatures(inputFeatures); // It must be the same, as CheckedModule sees.
        List<ParameterShape> shapes = module.parameterShapes();
        require(shapes.equals(module.parameterShapes()), () -> "parameterShapes() is another list each time");
        Set<String> names = new HashSet<>();
        for (ParameterShape shape : shapes) {
            require(NAME.matcher(shape.name()).matches(), () -> "parameterShapes() names a parameter '" + shape.name()
                    + "'; names are letters, digits, _ and -, with dots between");
            require(names.add(shape.name()), () -> "parameterShapes() names two parameters '" + shape.name() + "'");
        }
    }

    private void checkMemory() {
        long before = device.allocatedBytes();
        probe.bindForTraining(batch, false, true);
        long taken = device.allocatedBytes() - before;
        ActivationMemory memory = module.activationMemory(inputFeatures);
        long declared = memory.trainingElements() * batch * type.bytes() + memory.fixedBytes();
        // Those of FLOAT64 are taken where there is no rounding up, and fixed bytes are those of FLOAT32.
        require(type != DataType.FLOAT32 || taken <= declared, () -> "bind takes " + taken + " bytes for a batch of " + batch
                + ", and activationMemory(" + inputFeatures + ") says " + declared + "; override it, so that a job"
                + " that cannot fit in memory is refused");
    }

    /** The parameters' gradients, which held 1 before. */
    private List<double[]> checkTraining(int rows, boolean accumulate) {
        ModuleProbe.Pass pass = probe.bindForTraining(rows, accumulate, true);
        checkMatrices(pass.bound(), rows, true);
        ModuleProbe.randomize(pass.input(), 1);
        List<Written> readOnly = new ArrayList<>(List.of(new Written("its input", pass.input())));
        List<Written> gradients = new ArrayList<>();
        for (Parameter parameter : probe.parameters()) {
            String name = "'" + ModuleProbe.name(parameter) + "'";
            readOnly.add(new Written("the value of " + name, parameter.value(), false));
            gradients.add(new Written("the gradient of " + name, parameter.gradient(), accumulate));
        }
        gradients.add(new Written("the gradient of its input", pass.inputGradient()));
        long allocatedBytes = device.allocatedBytes();

        runTwice("forward", readOnly, List.of(new Written("its output", pass.bound().output())), () -> probe.forward(pass));
        List<double[]> written = runTwice("backward", readOnly, gradients, () -> {
            ModuleProbe.randomize(pass.bound().outputGradient(), 2);
            Reports reports = new Reports();
            probe.backward(pass, reports);
            reports.check();
        });
        require(device.allocatedBytes() == allocatedBytes, () -> "forward or backward allocates memory of the device; do"
                + " that in bind");
        return written.subList(0, probe.parameters().size());
    }

    private void checkMatrices(BoundModule bound, int rows, boolean training) {
        checkMatrix("output()", bound.output(), rows);
        if (training) {
            checkMatrix("outputGradient()", bound.outputGradient(), rows);
        }
    }

    private void checkMatrix(String what, Matrix matrix, int rows) {
        String expected = "[" + rows + ", " + outputFeatures + "] for a batch of " + rows + " and outputFeatures("
                + inputFeatures + ") = " + outputFeatures;
        require(matrix != null, () -> what + " is null, not " + expected);
        require(matrix.rows() == rows && matrix.columns() == outputFeatures,
                () -> what + " is " + matrix + ", not " + expected);
        require(matrix.data().type() == type, () -> what + " is of " + matrix.data().type()
                + "; take matrices from the binding's workspace");
    }

    /** What an array is for messages; it is added to if {@code accumulated}. */
    private record Written(String what, DeviceBuffer buffer, boolean accumulated) {
        Written(String what, Matrix matrix) {
            this(what, matrix.data(), false);
        }

        double[] copy() {
            return HostArray.of(buffer).toArray();
        }
    }

    /**
     * Runs {@code work} with arrays that hold 1, and again with 2, which tells overwriting from adding and from leaving
     * alone, whatever numbers come out.
     *
     * @param readOnly what it may not write to
     * @return what the first run left
     */
    private static List<double[]> runTwice(String method, List<Written> readOnly, List<Written> arrays, Runnable work) {
        List<double[]> before = readOnly.stream().map(Written::copy).toList();
        List<List<double[]>> runs = new ArrayList<>();
        for (int value = 1; value <= 2; value++) {
            for (Written array : arrays) {
                HostArray.of(array.buffer).fill(value);
            }
            work.run();
            runs.add(arrays.stream().map(Written::copy).toList());
        }
        for (int i = 0; i < readOnly.size(); i++) {
            Written array = readOnly.get(i);
            int change = firstDifference(before.get(i), array.copy());
            require(change < 0, () -> method + " writes to " + array.what + ", element " + change);
        }
        for (int i = 0; i < arrays.size(); i++) {
            checkWritten(method, arrays.get(i), runs.get(0).get(i), runs.get(1).get(i));
        }
        return runs.get(0);
    }

    private static void checkWritten(String method, Written array, double[] over1, double[] over2) {
        for (int i = 0; i < over1.length; i++) {
            String element = array.what + ", element " + i;
            double strange = Double.isFinite(over1[i]) ? over2[i] : over1[i];
            require(Double.isFinite(strange), () -> method + " gives " + strange + " for " + element
                    + ", of finite numbers");
            double change = over2[i] - over1[i];
            double rounding = TOLERANCE * (1 + Math.abs(over1[i]));
            if (array.accumulated) {
                require(!(Math.abs(change) < 0.5 && rounding < 0.5), () -> method + " overwrites " + element
                        + "; where Binding.accumulate() is true it must add to it");
            } else {
                require(!(over1[i] == 1 && over2[i] == 2), () -> method + " does not write " + element);
                require(!(Math.abs(change - 1) < rounding && rounding < 0.5), () -> method + " adds to " + element
                        + "; it must overwrite it"
                        + (method.equals("backward") ? " where Binding.accumulate() is false" : ""));
                require(!(Math.abs(change) > rounding), () -> method + " gives another value each time for " + element);
            }
        }
    }

    private void checkSums(List<double[]> gradients, List<double[]> addedToOnes) {
        for (int p = 0; p < gradients.size(); p++) {
            String name = ModuleProbe.name(probe.parameters().get(p));
            for (int i = 0; i < gradients.get(p).length; i++) {
                double sum = gradients.get(p)[i] + 1;
                double found = addedToOnes.get(p)[i];
                require(!(Math.abs(found - sum) > TOLERANCE * (1 + Math.abs(sum))), () -> "backward leaves " + found
                        + " in the gradient of '" + name + "' that held 1, where Binding.accumulate() is true; adding would"
                        + " make it " + sum);
            }
        }
    }

    private void checkWithoutInputGradient() {
        ModuleProbe.Pass first = probe.bindForTraining(batch, false, false);
        checkMatrices(first.bound(), batch, true);
        probe.forward(first);
        probe.backward(first, new Reports());
    }

    private void checkEvaluation() {
        ModuleProbe.Pass pass = probe.bindForEvaluation(batch);
        checkMatrices(pass.bound(), batch, false);
        if (pass.bound().output().equals(pass.input())) {
            return; // as it does nothing then
        }
        runTwice("forward in evaluation", List.of(new Written("its input", pass.input())),
                List.of(new Written("its output", pass.bound().output())),
                () -> probe.forward(pass));
    }

    /** What one backward says of gradients; they must be whole when it says so. */
    private final class Reports implements GradientListener {
        private final int[] rows = new int[probe.parameters().size()];
        private final double[][] reported = new double[rows.length][];

        @Override
        public void gradientReady(Parameter parameter, int readyRows) {
            int index = parameter == null ? -1 : probe.parameters().indexOf(parameter);
            require(index >= 0, () -> "backward reports a gradient of " + (parameter == null ? "null"
                    : "'" + parameter.name() + "'") + ", which is not a parameter that its binding gave it");
            require(readyRows > rows[index] && readyRows <= parameter.shape().rows(), () -> "backward reports " + readyRows
                    + " rows of the gradient of '" + ModuleProbe.name(parameter) + "' after " + rows[index] + " of "
                    + parameter.shape().rows());
            rows[index] = readyRows;
            reported[index] = HostArray.of(parameter.gradient()).toArray();
        }

        void check() {
            for (int i = 0; i < rows.length; i++) {
                Parameter parameter = probe.parameters().get(i);
                int ready = rows[i];
                String name = "the gradient of '" + ModuleProbe.name(parameter) + "'";
                require(ready == parameter.shape().rows(), () -> "backward reports " + ready + " of "
                        + parameter.shape().rows() + " rows of " + name
                        + "; call listener.gradientReady once they are written");
                int late = firstDifference(reported[i], HostArray.of(parameter.gradient()).toArray());
                require(late < 0, () -> "backward writes " + name + ", element " + late + ", after it has reported it");
            }
        }
    }

    /** −1 where there is none. */
    private static int firstDifference(double[] one, double[] other) {
        for (int i = 0; i < one.length; i++) {
            if (Double.compare(one[i], other[i]) != 0) {
                return i;
            }
        }
        return -1;
    }

    private static void require(boolean condition, Supplier<String> message) {
        if (!condition) {
            throw new ModuleContractException(message.get());
        }
    }
}
