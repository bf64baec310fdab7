package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.local.SingleRank;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.job.Job;
import dev.lockstep.nn.BatchNorm;
import dev.lockstep.nn.CheckedModule;
import dev.lockstep.nn.Composite;
import dev.lockstep.nn.Linear;
import dev.lockstep.nn.Module;
import dev.lockstep.nn.ModuleOptions;
import dev.lockstep.nn.Scale;
import dev.lockstep.nn.Sequential;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.testing.RankThreads;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class CustomModulesTest {
    private static final String SCALE = "model.0 (class dev.lockstep.nn.Scale)";

    /** Two linear layers, that a job names as one. */
    public static final class TwoLinear implements Composite {
        private final Module layers;

        public TwoLinear(ModuleOptions options, int inputFeatures) {
            layers = new Sequential(List.of(new Linear(inputFeatures, options.integer("hidden")),
                    new Linear(options.integer("hidden"), options.integer("out"))));
        }

        @Override
        public Module module() {
            return layers;
        }
    }

    /** What it sums over the ranks is in no layer that a job file names. */
    public static final class Synchronized implements Composite {
        private final Module norm;

        public Synchronized(ModuleOptions options, int inputFeatures) {
            norm = new BatchNorm(inputFeatures, 1e-5, 0.1, true);
        }

        @Override
        public Module module() {
            return norm;
        }
    }

    /** Without the constructor that is called. */
    public static final class OtherConstructor implements Composite {
        @Override
        public Module module() {
            return new Linear(1, 1);
        }
    }

    public abstract static class Abstract implements Module {
        public Abstract(ModuleOptions options, int inputFeatures) {
        }
    }

    public static final class FailsToLoad implements Composite {
        private static final Module MODULE = fail();

        public FailsToLoad(ModuleOptions options, int inputFeatures) {
        }

        private static Module fail() {
            throw new UnsupportedOperationException("not today");
        }

        @Override
        public Module module() {
            return MODULE;
        }
    }

    public static final class FailsToLoadWithAnError implements Composite {
        private static final Module MODULE = fail();

        public FailsToLoadWithAnError(ModuleOptions options, int inputFeatures) {
        }

        private static Module fail() {
            throw new OutOfMemoryError("too much");
        }

        @Override
        public Module module() {
            return MODULE;
        }
    }

    private static Job job(String module) {
        return SmallJobs.job("model=[{module: {" + module + "}}, {linear: {in: 6, out: 3}}]");
    }

    @Test
    void shouldTrainAModelThatHoldsThem() {
        Job job = SmallJobs.job("model=[{module: {class: dev.lockstep.nn.Scale, initial: 0.5}}, relu, {module: {class:"
                + " dev.lockstep.train.CustomModulesTest$TwoLinear, hidden: 4, out: 3}}]");
        try (Device device = new CpuDevice(1); SingleRank communicator = new SingleRank()) {
            Trainer trainer = SmallJobs.trainer(job, device, communicator, new TrainingListener() { });
            double first = trainer.trainEpoch(1, Trainer.StepHook.NONE).trainLoss();
            double second = trainer.trainEpoch(2, Trainer.StepHook.NONE).trainLoss();

            assertTrue(second < first, first + " " + second);
            assertEquals(List.of("0.scale", "2.0.weight", "2.0.bias", "2.1.weight", "2.1.bias"),
                    trainer.replica().parameters().modelOrder().stream().map(Parameter::name).toList());
        }
    }

    /** A scale of ones before a linear layer is that layer alone, as long as the scale is not updated. */
    @Test
    void shouldComputeWhatLayersOfThisProgramCompute() {
        assertEquals(firstLoss(SmallJobs.job("model=[{linear: {in: 6, out: 3}}]")),
                firstLoss(job("class: dev.lockstep.nn.Scale")), 1e-6);
    }

    private static double firstLoss(Job job) {
        double[] loss = new double[1];
        try (Device device = new CpuDevice(1); SingleRank communicator = new SingleRank()) {
            TrainingListener listener = new TrainingListener() {
                @Override
                public void stepDone(int epoch, long step, int stepOfEpoch, java.util.function.DoubleSupplier batchLoss) {
                    loss[0] = step == 1 ? batchLoss.getAsDouble() : loss[0];
                }
            };
            SmallJobs.trainer(job, device, communicator, listener).trainEpoch(1, Trainer.StepHook.NONE);
        }
        return loss[0];
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "class: nowhere.Missing | model.0 (class nowhere.Missing): no such class; name the jar or folder that holds it, as in"
                + " ./lockstep --class-path my.jar train …, or in LOCKSTEP_CLASSPATH",
        "class: java.lang.String | model.0 (class java.lang.String): it does not implement dev.lockstep.nn.Module",
        "class: dev.lockstep.nn.Linear | model.0 (class dev.lockstep.nn.Linear): it has no public constructor (ModuleOptions"
                + " options, int inputFeatures)",
        "class: dev.lockstep.train.CustomModulesTest$OtherConstructor | model.0 (class dev.lockstep.train.CustomModulesTest$"
                + "OtherConstructor): it has no public constructor (ModuleOptions options, int inputFeatures)",
        "class: dev.lockstep.train.CustomModulesTest$Abstract | model.0 (class dev.lockstep.train.CustomModulesTest$Abstract):"
                + " it must be a public class that is not abstract, with a public constructor (ModuleOptions options, int"
                + " inputFeatures)",
        "class: dev.lockstep.train.CustomModulesTest$TwoLinear | model.0 (class dev.lockstep.train.CustomModulesTest$TwoLinear):"
                + " option 'hidden' is missing; give it a whole number of at most 2147483647",
        "'class: dev.lockstep.nn.Scale, initial: high' | " + SCALE + ": option 'initial' must be a finite number, not the text"
                + " 'high'",
        "'class: dev.lockstep.nn.Scale, inital: 2' | " + SCALE + ": option 'inital' is unknown; there are fault, initial",
        "'class: dev.lockstep.nn.Scale, fault: refuses_features' | " + SCALE + ": it takes 99 features, not 6",
        "'class: dev.lockstep.nn.Scale, fault: null_shapes' | " + SCALE + ": parameterShapes() is or holds null; a module"
                + " without parameters has an empty list",
        "'class: dev.lockstep.nn.Scale, fault: null_buffer' | " + SCALE + ": bufferShapes() is or holds null; a module"
                + " without buffers has an empty list",
        "'class: dev.lockstep.nn.Scale, fault: null_memory' | " + SCALE + ": activationMemory(6) is null; one that takes"
                + " nothing is ActivationMemory.NONE",
        "'class: dev.lockstep.nn.Scale, fault: no_features' | " + SCALE + ": outputFeatures(6) is 0; a sample leaves with at"
                + " least 1",
        "'class: dev.lockstep.nn.Scale, fault: changing_width' | " + SCALE + ": outputFeatures(6) is 6 and then 7; it must be"
                + " the same each time",
        "'class: dev.lockstep.nn.Scale, fault: negative_batch' | " + SCALE + ": smallestBatch(1) is -3; a batch has at least"
                + " 1 sample",
        "'class: dev.lockstep.nn.Scale, fault: wrong_width' | model.1: a linear layer of 6 inputs is given 7; make the layers fit",
    })
    void shouldRefuseBeforeAnythingIsAllocated(String module, String message) {
        assertEquals(message, assertThrows(InvalidInputException.class, () -> SmallJobs.sources(job(module), 1)).getMessage());
    }

    @ParameterizedTest
    @CsvSource({"FailsToLoad, UnsupportedOperationException: not today", "FailsToLoadWithAnError, OutOfMemoryError: too much"})
    void shouldNameAStaticInitializerThatThrows(String name, String thrown) {
        Job job = job("class: dev.lockstep.train.CustomModulesTest$" + name);
        String message = assertThrows(InvalidInputException.class, () -> SmallJobs.sources(job, 1)).getMessage();
        assertTrue(message.startsWith("model.0 (class dev.lockstep.train.CustomModulesTest$" + name + "): its static"
                + " initializer threw " + thrown + " (CustomModulesTest.java:"), message);
    }

    @ParameterizedTest
    @CsvSource({"throws_in_constructor, the constructor", "throws_in_shapes, parameterShapes", "throws_in_initialize, initialize",
        "throws_in_bind, bind", "throws_in_forward, forward", "throws_in_backward, backward"})
    void shouldNameWhatThrewBeforeTraining(String fault, String method) {
        String message = refusal("class: dev.lockstep.nn.Scale, fault: " + fault);
        assertTrue(message.startsWith(SCALE + ": " + method + " threw IllegalStateException: boom\nand more (Scale.java:"),
                message);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "gradient_not_written | backward does not write the gradient of 'scale', element 0",
        "gradient_not_reported | backward reports 0 of 6 rows of the gradient of 'scale'; call listener.gradientReady once they"
                + " are written",
        "duplicate_names | parameterShapes() names two parameters 'scale'",
        "null_output | output() is null, not [4, 6] for a batch of 4 and outputFeatures(6) = 6",
    })
    void shouldNameABrokenContractBeforeTraining(String fault, String message) {
        assertEquals(SCALE + ": " + message, refusal("class: dev.lockstep.nn.Scale, fault: " + fault));
    }

    @Test
    void shouldNameTheClassThatNeedsALargerBatch() {
        for (String module : List.of("{module: {class: dev.lockstep.nn.Scale, fault: large_batch}}",
                "{residual: [{module: {class: dev.lockstep.nn.Scale, fault: large_batch}}]}")) {
            Job job = SmallJobs.job("model=[batch-norm, " + module + ", {linear: {in: 6, out: 3}}]");
            String message = assertThrows(InvalidInputException.class, () -> SmallJobs.sources(job, 1)).getMessage();
            assertTrue(message.matches("train\\.batch-size: a batch of \\d+ on each of 1 rank, perhaps the last of an epoch,"
                    + " has fewer samples than the 1000 that model\\.1.* \\(class dev\\.lockstep\\.nn\\.Scale\\) needs;"
                    + " choose another batch-size or number of ranks"), message);
        }
    }

    @Test
    void shouldNameTheClassWhoseCodeRunsOutOfMemory() {
        String message = refusal("class: dev.lockstep.nn.Scale, fault: out_of_memory");
        assertTrue(message.startsWith(SCALE + ": initialize threw OutOfMemoryError: Java heap space (Scale.java:"), message);
    }

    private static String refusal(String module) {
        return assertThrows(InvalidInputException.class, () -> {
            Job job = job(module);
            try (Device device = new CpuDevice(1)) {
                CustomModules.check(job, 6, device);
            }
        }).getMessage();
    }

    @Test
    void shouldCheckGradientsWhereAskedTo() {
        CustomModules.checkGradients(job("class: dev.lockstep.nn.Scale"), 6, new ReferenceDevice());
        Job wrong = job("class: dev.lockstep.nn.Scale, fault: wrong_gradient");
        CustomModules.check(wrong, 6, new ReferenceDevice());
        String message = assertThrows(InvalidInputException.class,
                () -> CustomModules.checkGradients(wrong, 6, new ReferenceDevice())).getMessage();
        assertTrue(message.matches("\\Q" + SCALE + "\\E: backward gives .* as the gradient of 'scale', element 0, and finite"
                + " differences of forward give .*"), message);
    }

    @Test
    void shouldNameWhatThrewWhileTraining() {
        try (Device device = new CpuDevice(1); SingleRank communicator = new SingleRank()) {
            Trainer trainer = SmallJobs.trainer(job("class: dev.lockstep.nn.Scale, fault: throws_later"), device, communicator,
                    new TrainingListener() { });
            String message = assertThrows(TrainingException.class, () -> {
                for (int epoch = 1; epoch <= 10; epoch++) {
                    trainer.trainEpoch(epoch, Trainer.StepHook.NONE);
                }
            }).getMessage();
            assertTrue(message.startsWith(SCALE + ": forward threw IllegalStateException: enough (Scale.java:"), message);
        }
    }

    @ParameterizedTest
    @CsvSource({"1, Synchronized, true", "2, Synchronized, true", "2, 'TwoLinear, hidden: 4, out: 6', false"})
    void shouldTellThatAModuleSumsOverRanks(int ranks, String module, boolean sums) {
        RankThreads.run(ranks, Duration.ofSeconds(30), communicator -> {
            try (Device device = new CpuDevice(1)) {
                Trainer trainer = SmallJobs.trainer(job("class: dev.lockstep.train.CustomModulesTest$" + module), device,
                        communicator, new TrainingListener() { });
                assertEquals(sums, trainer.replica().sumsWithinSteps());
            }
        });
    }

    /** A method that the wrapper left to Module's default would not reach the user's class. */
    @Test
    void shouldHandOnEveryMethodOfAModule() {
        for (Class<?> wrapper : List.of(CustomModule.class, CheckedModule.class, Composite.class)) {
            Set<String> own = Arrays.stream(wrapper.getDeclaredMethods()).map(Method::getName).collect(Collectors.toSet());
            for (Method method : Module.class.getDeclaredMethods()) {
                assertTrue(method.isSynthetic() || own.contains(method.getName()), wrapper + " " + method);
            }
        }
    }

    @Test
    void shouldTellTheCodeOfAClassFromThatOfAnother() {
        String scale = ClassFiles.sha256("dev.lockstep.nn.Scale");
        assertEquals(scale, ClassFiles.sha256("dev.lockstep.nn.Scale"));
        assertNotEquals(scale, ClassFiles.sha256(TwoLinear.class.getName()));
        assertEquals(Set.of("class dev.lockstep.nn.Scale"), CustomModules.code(job("class: dev.lockstep.nn.Scale")).keySet());
    }
}
