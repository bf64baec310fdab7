package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.Mpirun;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Classes of the user's on the class path of real ranks: found, compared, and named when they fail. */
class CustomModulesIT {
    private static final Path HOME = Path.of("").toAbsolutePath();
    private static final Path JAVA = Path.of(System.getProperty("java.home"), "bin");
    private static final String WHERE = "model.1 (class user.Twice)";

    /** y = 2 · x, by a helper, and with something to do in forward. */
    private static final String TWICE = """
            package user;

            import dev.lockstep.device.Matrix;
            import dev.lockstep.device.Stream;
            import dev.lockstep.nn.*;
            import dev.lockstep.nn.Module;
            import dev.lockstep.random.Mt19937;
            import dev.lockstep.tensor.*;
            import java.util.List;
            import java.util.function.Function;

            public final class Twice implements Module {
                public Twice(ModuleOptions options, int inputFeatures) {}

                public List<ParameterShape> parameterShapes() {
                    return List.of();
                }

                public int outputFeatures(int inputFeatures) {
                    return inputFeatures;
                }

                public void initialize(Mt19937 generator, Function<String, Parameter> parameters) {}

                public BoundModule bind(Binding binding, Matrix input, Matrix inputGradient) {
                    Matrix output = binding.workspace().matrix(input.rows(), input.columns());
                    Matrix gradient = binding.training() ? binding.workspace().matrix(input.rows(), input.columns()) : null;
                    return new BoundModule() {
                        private int calls;

                        public Matrix output() {
                            return output;
                        }

                        public Matrix outputGradient() {
                            return gradient;
                        }

                        public void forward(Stream stream) {
                            /* here */
                            Helper.twice(HostArray.of(input.data()), HostArray.of(output.data()));
                        }

                        public void backward(Stream stream, GradientListener listener) {
                            if (inputGradient != null) {
                                Helper.twice(HostArray.of(gradient.data()), HostArray.of(inputGradient.data()));
                            }
                        }
                    };
                }
            }
            """;
    private static final String HELPER = """
            package user;

            import dev.lockstep.nn.HostArray;

            final class Helper {
                static void twice(HostArray from, HostArray to) {
                    for (int i = 0; i < from.length(); i++) {
                        to.set(i, 2 * from.get(i));
                    }
                }
            }
            """;

    private static final String BLOCK = """
            package user;

            import dev.lockstep.device.Activation;
            import dev.lockstep.nn.*;
            import dev.lockstep.nn.Module;
            import java.util.List;

            public final class Block implements Composite {
                private final Module layers;

                public Block(ModuleOptions options, int inputFeatures) {
                    layers = new Residual(new Sequential(List.of(new Linear(inputFeatures, 8),
                            new ActivationModule(Activation.TANH), new Linear(8, inputFeatures))));
                }

                public Module module() {
                    return layers;
                }
            }
            """;

    @TempDir
    private Path folder;

    @BeforeEach
    void writeJob() throws IOException {
        Path job = SmallJob.write(folder);
        Files.writeString(job, Files.readString(job).replace("  - relu\n", "  - module: {class: user.Twice}\n"));
    }

    private void compile(String classes, String twice, String helper) throws IOException {
        Path source = Files.createDirectories(folder.resolve(classes + "-source"));
        Files.writeString(source.resolve("Twice.java"), twice);
        Files.writeString(source.resolve("Helper.java"), helper);
        ProcessRun.Result run = ProcessRun.command(JAVA.resolve("javac").toString(), "-proc:none", "-cp",
                HOME.resolve("target/lockstep.jar").toString(), "-d", classes, source + "/Twice.java", source + "/Helper.java")
                .directory(folder).run();
        assertEquals(0, run.exitStatus(), run::toString);
    }

    private ProcessRun ranks(String... arguments) {
        return Lockstep.ranks(2, arguments).directory(folder);
    }

    @Test
    void shouldTrainEvaluateAndExportWithAClassFromAJar() throws IOException {
        compile("classes", TWICE, HELPER);
        ProcessRun.Result jar = ProcessRun.command(JAVA.resolve("jar").toString(), "cf", "my.jar", "-C", "classes", ".")
                .directory(folder).run();
        assertEquals(0, jar.exitStatus(), jar::toString);

        ProcessRun.Result run = ranks("--class-path=my.jar", "train", "small.yaml").run();
        assertEquals(0, run.exitStatus(), run::toString);
        assertEquals("", run.stderr(), run::toString);
        JsonNode summary = Lockstep.metrics(folder.resolve("runs/small"), "summary").get(0);
        assertEquals(2, summary.get("ranks").intValue());

        ProcessRun.Result resumed = ranks("train", "small.yaml", "--resume", "--set", "train.epochs=3")
                .environment("LOCKSTEP_CLASSPATH", "my.jar").run();
        assertEquals(0, resumed.exitStatus(), resumed::toString);
        String missing = "lockstep: error: " + WHERE + ": no such class; name the jar or folder that holds it, as in ./lockstep"
                + " --class-path my.jar train …, or in LOCKSTEP_CLASSPATH";
        for (List<String> command : List.of(List.of("evaluate", "runs/small"), List.of("validate", "small.yaml"),
                List.of("train", "small.yaml", "--resume"))) {
            refused(missing, ranks(command.toArray(String[]::new)));
        }
        assertEquals(0, ranks("--class-path", "my.jar", "evaluate", "runs/small").run().exitStatus());
        assertEquals(0, Lockstep.alone("export", "runs/small", "--to", "safetensors").directory(folder).run().exitStatus());
    }

    /** Every rank by itself finds nothing wrong; and what differs is not in the class that the job names. */
    @Test
    void shouldNameAClassThatDiffersBetweenRanks() throws IOException {
        compile("one", TWICE, HELPER);
        compile("other", TWICE, HELPER.replace("2 * from.get(i)", "from.get(i) + from.get(i)"));
        String message = "lockstep: error: rank 1 starts with another class user.Twice than rank 0; every rank needs the same"
                + " program, job file, options and data";
        refused(message, differing("train", "small.yaml"));

        assertEquals(0, ranks("--class-path", "one", "train", "small.yaml").run().exitStatus());
        refused(message, differing("evaluate", "runs/small"));
    }

    private ProcessRun differing(String command, String argument) {
        return Mpirun.ranks(2).environment("CUDA_VISIBLE_DEVICES", "").directory(folder).arguments("sh", "-c",
                "if [ $OMPI_COMM_WORLD_RANK = 0 ]; then classes=one; else classes=other; fi;"
                        + " exec " + Lockstep.LAUNCHER + " --class-path $classes " + command + " " + argument);
    }

    @Test
    void shouldNameAClassThatThrowsWhileItTrains() throws IOException {
        compile("classes", TWICE.replace("/* here */", "if (++calls > 8) throw new IllegalStateException(\"enough\");"), HELPER);

        ProcessRun.Result run = ranks("--class-path", "classes", "train", "small.yaml").run();

        assertEquals(1, run.exitStatus(), run::toString);
        List<String> errors = Lockstep.errors(run);
        assertEquals(1, errors.size(), run::toString);
        assertTrue(errors.get(0).matches("lockstep: error: rank [01] on host \\S+, epoch \\d, after step \\d+: " + "model\\.1 \\(class"
                + " user\\.Twice\\): forward threw IllegalStateException: enough \\(Twice\\.java:\\d+\\)"), run::toString);
    }

    @Test
    void shouldNameAClassThatThrowsBeforeTraining() throws IOException {
        compile("classes", TWICE.replace("int inputFeatures) {}", "int inputFeatures) { throw new RuntimeException(); }"), HELPER);

        ProcessRun.Result run = ranks("--class-path", "classes", "train", "small.yaml").run();

        assertEquals(2, run.exitStatus(), run::toString);
        // What mpirun itself says may come first.
        List<String> errors = Lockstep.errors(run);
        assertEquals(1, errors.size(), run::toString);
        assertTrue(errors.get(0).startsWith("lockstep: error: " + WHERE + ": the constructor threw RuntimeException (Twice.java:"),
                run::toString);
        assertTrue(Files.notExists(folder.resolve("runs")), run::toString);
    }

    /** On the tests' stand-in for CUDA. */
    @Test
    void shouldRunOnAGpuWhatIsComposedAndRefuseWhatComputesInJava() throws IOException {
        compile("classes", BLOCK.replace("class Block", "class Twice").replace("Block(", "Twice("), HELPER);
        double onCpu = testLoss(ranks("--class-path", "classes", "train", "small.yaml", "--output", "cpu"), "cpu");
        double onGpu = testLoss(onGpu(ranks("--class-path", "classes", "train", "small.yaml", "--output", "gpu", "--set",
                "device=cuda", "--set", "gpu-sharing=true")), "gpu");
        assertEquals(onCpu, onGpu, 1e-4 * onCpu);

        compile("classes", TWICE, HELPER);
        refused("lockstep: error: " + WHERE + ": it computes in Java, on the CPU, and this is a GPU's memory; set device to cpu",
                onGpu(Lockstep.alone("--class-path", "classes", "train", "small.yaml", "--set", "device=cuda").directory(folder)));
    }

    private static ProcessRun onGpu(ProcessRun run) {
        return run.environment("CUDA_HOME", HOME.resolve("target/cuda-stand-in").toString())
                .environment("CUDA_VISIBLE_DEVICES", "0,1");
    }

    private double testLoss(ProcessRun start, String output) throws IOException {
        ProcessRun.Result run = start.run();
        assertEquals(0, run.exitStatus(), run::toString);
        return Lockstep.metrics(folder.resolve(output), "summary").get(0).get("test_loss").asDouble();
    }

    /** Without the class path's classes the program starts as fast as ever. */
    @Test
    void shouldKeepTheArchiveOfClassesBesideAClassPath() throws IOException {
        Files.createDirectory(folder.resolve("classes"));
        Path log = folder.resolve("classes.log");

        ProcessRun.Result run = Lockstep.alone("--class-path", "classes:" + folder, "--version").directory(folder)
                .environment("LOCKSTEP_JAVA_OPTS", "-Xlog:class+load=info:file=" + log).run();

        assertEquals(0, run.exitStatus(), run::toString);
        String main = Files.readAllLines(log).stream().filter(line -> line.contains(" dev.lockstep.cli.Main source:")).findFirst()
                .orElseThrow();
        assertTrue(main.endsWith("shared objects file (top)"), main);
    }

    @Test
    void shouldRefuseAClassPathThatDoesNotExist() {
        refused("lockstep: error: the class path 'a.jar:b' names 'a.jar', which does not exist; give --class-path (or"
                + " LOCKSTEP_CLASSPATH) jars and folders that do", ranks("--class-path", "a.jar:b", "validate", "small.yaml"));
        refused("lockstep: error: --class-path needs a value: jars and folders, with : between them", ranks("--class-path"));
        refused("lockstep: error: --class-path stands before the command: ./lockstep --class-path PATH train …",
                ranks("train", "small.yaml", "--class-path", "."));
    }

    @Test
    void shouldRefuseToRunWhatIsNoProgram() {
        refused("lockstep: error: run: there is no class user.Nowhere on the class path; name the jar or folder that holds it, as"
                + " in ./lockstep --class-path my.jar run …, or in LOCKSTEP_CLASSPATH", ranks("run", "user.Nowhere"));
        refused("lockstep: error: run: java.lang.String is no public class with a method public static void main(String[])",
                ranks("run", "java.lang.String"));
    }

    private static void refused(String message, ProcessRun start) {
        ProcessRun.Result run = start.run();
        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(List.of(message), Lockstep.errors(run), run::toString);
    }
}
