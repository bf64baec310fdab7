package dev.lockstep.nn;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.device.Activation;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.reference.ReferenceDevice;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class ModuleContractTest {
    private static final int FEATURES = 5;

    @Test
    void shouldFindNoFaultInAModuleWithout() {
        try (Device cpu = new CpuDevice(1)) {
            ModuleContract.check(cpu, new Scale(Scale.Fault.NONE, 1, FEATURES), FEATURES);
        }
        new GradientChecker(new ReferenceDevice()).check(new Scale(Scale.Fault.NONE, 1, FEATURES), FEATURES);
    }

    @ParameterizedTest
    @EnumSource
    void shouldFindNoFaultInThisProgramsModules(Activation activation) {
        Module module = new Sequential(List.of(new Linear(FEATURES, 7), new ActivationModule(activation), new Linear(7, 6),
                new BatchNorm(6, 1e-5, 0.1, false), new Residual(new Sequential(List.of(new Linear(6, 6), new Dropout(0.5)))),
                new LayerNorm(6, 1e-5), new ActivationModule(activation), new Dropout(0.1)));
        new GradientChecker(new ReferenceDevice()).check(composite(module), FEATURES);
        try (Device cpu = new CpuDevice(1)) {
            ModuleContract.check(cpu, composite(module), FEATURES);
        }
    }

    @Test
    void shouldFindNoFaultInAModuleThatDoesNothingInEvaluation() {
        ModuleContract.check(new ReferenceDevice(), new Dropout(0.5), FEATURES);
    }

    private static Composite composite(Module module) {
        return () -> module;
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "WRONG_WIDTH | output() is [4, 5], not [4, 6] for a batch of 4 and outputFeatures(5) = 6",
        "NO_FEATURES | outputFeatures(5) is 0; a sample leaves with at least 1",
        "DUPLICATE_NAMES | parameterShapes() names two parameters 'scale'",
        "BAD_NAME | parameterShapes() names a parameter 'a name'; names are letters, digits, _ and -, with dots between",
        "NULL_SHAPES | parameterShapes() is or holds null; a module without parameters has an empty list",
        "NULL_SHAPE | parameterShapes() is or holds null; a module without parameters has an empty list",
        "NULL_BUFFERS | bufferShapes() is or holds null; a module without buffers has an empty list",
        "NULL_BUFFER | bufferShapes() is or holds null; a module without buffers has an empty list",
        "NULL_MEMORY | activationMemory(5) is null; one that takes nothing is ActivationMemory.NONE",
        "CHANGING_WIDTH | outputFeatures(5) is 5 and then 6; it must be the same each time",
        "NEGATIVE_BATCH | smallestBatch(1) is -3; a batch has at least 1 sample",
        "NULL_BIND | bind returns null",
        "NULL_OUTPUT | output() is null, not [4, 5] for a batch of 4 and outputFeatures(5) = 5",
        "NULL_OUTPUT_GRADIENT | outputGradient() is null, not [4, 5] for a batch of 4 and outputFeatures(5) = 5",
        "OUTPUT_NOT_WRITTEN | forward does not write its output, element 19",
        "OUTPUT_ADDED | forward adds to its output, element 0; it must overwrite it",
        "OUTPUT_RANDOM | forward gives another value each time for its output, element 0",
        "NAN_OUTPUT | forward gives NaN for its output, element 0, of finite numbers",
        "INFINITE_GRADIENT | backward gives Infinity for the gradient of 'scale', element 0, of finite numbers",
        "NAN_INPUT_GRADIENT | backward gives NaN for the gradient of its input, element 0, of finite numbers",
        "LEAVES_INITIAL_VALUE | initialize does not write a finite number to 'scale', element 4",
        "GRADIENT_NOT_WRITTEN | backward does not write the gradient of 'scale', element 0",
        "GRADIENT_NOT_REPORTED | backward reports 0 of 5 rows of the gradient of 'scale'; call listener.gradientReady once"
                + " they are written",
        "GRADIENT_REPORTED_EARLY | backward writes the gradient of 'scale', element 0, after it has reported it",
        "GRADIENT_REPORTED_TWICE | backward reports 5 rows of the gradient of 'scale' after 5 of 5",
        "FOREIGN_GRADIENT | backward reports a gradient of null, which is not a parameter that its binding gave it",
        "GRADIENT_ADDED | backward adds to the gradient of 'scale', element 0; it must overwrite it where"
                + " Binding.accumulate() is false",
        "GRADIENT_OVERWRITTEN | backward overwrites the gradient of 'scale', element 0; where Binding.accumulate() is true"
                + " it must add to it",
        "INPUT_GRADIENT_NOT_WRITTEN | backward does not write the gradient of its input, element 0",
        "INPUT_WRITTEN | forward writes to its input, element 1",
        "VALUE_WRITTEN | backward writes to the value of 'scale', element 0",
        "TAKES_MORE | bind takes 192 bytes for a batch of 4, and activationMemory(5) says 160; override it, so that a job"
                + " that cannot fit in memory is refused",
        "ALLOCATES | forward or backward allocates memory of the device; do that in bind",
    })
    void shouldNameWhatAModuleDoesWrong(Scale.Fault fault, String message) {
        for (Device device : List.of(new CpuDevice(1), new ReferenceDevice())) {
            Module module = new Scale(fault, 1, FEATURES);
            ModuleContractException e = assertThrows(ModuleContractException.class,
                    () -> ModuleContract.check(device, module, FEATURES));
            assertTrue(e.getMessage().equals(message), e.getMessage());
            device.close();
        }
    }

    @Test
    void shouldCompareASumOfGradientsWithTheGradients() {
        Module module = new Scale(Scale.Fault.GRADIENT_DOUBLED_IN_SUM, 1, FEATURES);

        ModuleContractException e = assertThrows(ModuleContractException.class,
                () -> ModuleContract.check(new ReferenceDevice(), module, FEATURES));

        assertTrue(e.getMessage().matches("backward leaves [0-9.Ee-]+ in the gradient of 'scale' that held 1, where"
                + " Binding\\.accumulate\\(\\) is true; adding would make it [0-9.Ee-]+"), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({"WRONG_GRADIENT, the gradient of 'scale'", "WRONG_INPUT_GRADIENT, the gradient of its input"})
    void shouldFindAGradientThatIsNotThatOfForward(Scale.Fault fault, String what) {
        Module module = new Scale(fault, 1, FEATURES);
        ModuleContract.check(new ReferenceDevice(), module, FEATURES);

        ModuleContractException e = assertThrows(ModuleContractException.class,
                () -> new GradientChecker(new ReferenceDevice()).check(module, FEATURES));

        assertTrue(e.getMessage().matches("backward gives [0-9.Ee-]+ as " + what
                + ", element 0, and finite differences of forward give [0-9.Ee-]+"), e.getMessage());
    }
}
