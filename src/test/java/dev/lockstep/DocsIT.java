package dev.lockstep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.Mpirun;
import dev.lockstep.testing.ProcessRun;
import dev.lockstep.testing.TestRun;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Compiles and runs what docs and examples show, as they say that it is done. */
class DocsIT {
    private static final Path HOME = Path.of("").toAbsolutePath();
    private static final Path JAVA = Path.of(System.getProperty("java.home"), "bin");
    private static final Pattern BLOCK = Pattern.compile("```(\\w+)\n(.*?)```", Pattern.DOTALL);
    private static final Pattern CLASS = Pattern.compile("class (\\w+)");
    private static final String LOW_LOSS = "(?s).*loss 0\\.\\d+ {2}accuracy (100|9\\d)\\.\\d\\d %.*";

    @TempDir
    private Path folder;

    private final List<String> commands = new ArrayList<>();
    private String page;

    @BeforeEach
    void writeWhatThePageShows() throws IOException {
        Files.createDirectories(folder.resolve("com/example"));
        page = Files.readString(Path.of("docs/custom-modules.md"));
        for (Matcher block = BLOCK.matcher(page); block.find();) {
            String code = block.group(2);
            switch (block.group(1)) {
                case "java" -> {
                    Matcher name = CLASS.matcher(code);
                    assertTrue(name.find(), code);
                    Files.writeString(folder.resolve("com/example/" + name.group(1) + ".java"), code);
                }
                case "yaml" -> Files.writeString(folder.resolve("swish.yaml"), code);
                default -> commands.add(code);
            }
        }
    }

    @Test
    void shouldTrainWithTheCustomModulesOfThePage() throws IOException {
        assertEquals(2, commands.size());
        String swish = ok(commands.get(0)).stdout();
        assertTrue(swish.startsWith("swish.yaml is valid for 1 rank"), swish);
        assertTrue(swish.matches(LOW_LOSS), swish);
        assertTrue(swish.contains("\nruns/swish/checkpoints/epoch-0002 on synthetic data"), swish);
        assertEquals(2, Lockstep.metrics(folder.resolve("runs/swish"), "summary").get(0).get("ranks").intValue());
        String lowRank = ok(commands.get(1)).stdout();
        assertTrue(lowRank.matches(LOW_LOSS), lowRank);
        String parameters = Files.readString(folder.resolve("runs/low-rank/checkpoints/epoch-0002/model.safetensors"),
                StandardCharsets.ISO_8859_1);
        for (String name : List.of("1.0.weight", "1.1.bias", "1.2.beta")) {
            assertTrue(parameters.contains('"' + name + '"'), name);
        }
    }

    @Test
    void shouldPassTheTestOfThePage() {
        String classPath = System.getProperty("java.class.path");
        ok(javac("-cp", classPath, "-d", "classes", "com/example/Swish.java", "com/example/SwishTest.java"));
        ProcessRun.Result run = ok(ProcessRun.command(JAVA.resolve("java").toString(), "-cp", folder.resolve("classes") + ":" + classPath,
                TestRun.class.getName(), "com.example.SwishTest"));
        assertTrue(run.stdout().contains("{\"passed\":2,\"failed\":0,"), run::toString);
    }

    @Test
    void shouldPrintTheErrorsOfThePage() throws IOException {
        Path swish = folder.resolve("com/example/Swish.java");
        Files.writeString(swish, Files.readString(swish).replace("dBeta.set(0, sum);\n", ""));
        ok(javac("-cp", HOME.resolve("target/lockstep.jar").toString(), "-d", "classes", "com/example/Swish.java"));
        refused("--set", "name=unchanged");
        refused("--set", "model=[linear: {in: 32, out: 64}, module: {class: com.example.Swish, betta: 1}]");
    }

    private void refused(String... more) {
        ProcessRun.Result run = ProcessRun.command(HOME.resolve("lockstep").toString(), "--class-path", "classes", "validate",
                "swish.yaml").arguments(more).directory(folder).run();
        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(1, run.errorLines().size(), run::toString);
        assertTrue(page.contains("    " + run.errorLines().get(0) + "\n"), run::toString);
    }

    @Test
    void shouldRunTheExampleAsItsHeaderSays() throws IOException {
        String header = Files.readAllLines(Path.of("examples/TrainMlp.java")).stream()
                .filter(line -> line.startsWith(" *     ")).map(line -> line.substring(7)).collect(Collectors.joining("\n"));
        ProcessRun.Result run = ok(shell(header).directory(HOME));
        List<String> lines = run.stdout().lines().toList();
        assertEquals("109,386 parameters on 2 ranks", lines.get(0), run::toString);
        assertEquals(4, lines.size(), run::toString);
        assertTrue(lines.get(3).matches("epoch 3 {2}loss 0\\.\\d{4} {2}test loss 0\\.\\d{4} {2}accuracy 8[3-6]\\.\\d\\d %"),
                run::toString);
    }

    @Test
    void shouldBuildJavadocWithoutWarnings() {
        ProcessRun.Result run = ok(ProcessRun.command("src/build/javadoc.sh", folder.resolve("javadoc").toString()));
        assertEquals("", run.stdout() + run.stderr());
        assertTrue(Files.exists(folder.resolve("javadoc/dev/lockstep/nn/Module.html")));
    }

    private ProcessRun javac(String... arguments) {
        return ProcessRun.command(JAVA.resolve("javac").toString(), "-proc:none").arguments(arguments).directory(folder);
    }

    private static ProcessRun shell(String script) {
        return Mpirun.configured(ProcessRun.command("sh", "-e", "-c", script)).environment("LOCKSTEP", HOME.toString())
                .environment("PATH", JAVA + ":" + System.getenv("PATH")).environment("CUDA_VISIBLE_DEVICES", "");
    }

    private ProcessRun.Result ok(String script) {
        return ok(shell(script).directory(folder));
    }

    private static ProcessRun.Result ok(ProcessRun run) {
        ProcessRun.Result result = run.limit(Duration.ofSeconds(300)).run();
        assertEquals(0, result.exitStatus(), result::toString);
        return result;
    }
}
