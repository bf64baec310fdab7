package dev.lockstep.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.InvalidInputException;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CustomLayerTest {
    private static Job job(String layer) {
        return Jobs.parse(Jobs.with("  - relu\n", "  - " + layer + "\n"));
    }

    @Test
    void shouldReadOptionsOfEachType() {
        Job job = job("module: {class: com.example.Swish, beta: 1.50, n: 4000, tiny: -1e-30, on: true, quoted: '3', mode: fast,"
                + " sizes: [1, 0.5, a, false]}");

        assertEquals(new LayerConfig.CustomLayer("com.example.Swish", Map.of("beta", new BigDecimal("1.5"),
                "n", new BigDecimal("4E+3"), "tiny", new BigDecimal("-1E-30"), "on", true, "quoted", "3", "mode", "fast",
                "sizes", List.of(new BigDecimal(1), new BigDecimal("0.5"), "a", false))), job.model().get(1));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{class: A}", "{class: a.b.C$D, x: 0, y: -0.0, z: 00012.500}", "{class: Größe, text: \"a: b, #c \\n\\\"\", e: 1e308}",
        "{class: A, few: 123456789012345678901234567890, small: 1e-300, list: [], lists: [1, '2', true]}"
    })
    void shouldWriteWhatReadsBackAsTheSame(String module) {
        Job job = job("module: " + module);
        String yaml = JobFile.toYaml(job);

        Job read = Jobs.parse(yaml);

        assertEquals(job, read);
        assertEquals(yaml, JobFile.toYaml(read));
    }

    @Test
    void shouldWriteOptionsInOneOrderAndNumbersInPlainNotation() {
        String one = JobFile.toYaml(job("module: {class: A, b: 1e3, a: x}"));

        assertEquals(one, JobFile.toYaml(job("module: {a: x, b: 1000.0, class: A}")));
        assertEquals("  - module: {class: \"A\", a: \"x\", b: 1000}",
                one.lines().filter(line -> line.contains("module")).findFirst().orElseThrow());
    }

    /** What it takes and gives is for the class to say. */
    @Test
    void shouldNotHoldLayersAroundItAgainstEachOther() {
        assertEquals(4, Jobs.parse(Jobs.with("  - relu\n", "  - module: {class: A}\n  - linear: {in: 99, out: 8}\n")).model()
                .size());
        assertEquals(List.of("A"), Jobs.parse(Jobs.MINIMAL, "model=[module: {class: A}]").model().stream()
                .map(layer -> ((LayerConfig.CustomLayer) layer).className()).toList());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "module | 'model.1' needs a class: write 'module: {class: …}'",
        "module: A | 'model.1.module' must be a map of keys, not 'A'",
        "module: {} | required key 'model.1.module.class' is missing: the full name of a Java class, such as com.example.Swish",
        "module: {class: 'a b'} | 'model.1.module.class' must be the full name of a Java class, such as com.example.Swish, not"
                + " the quoted text 'a b'",
        "module: {class: a..b} | 'model.1.module.class' must be the full name of a Java class, such as com.example.Swish, not"
                + " 'a..b'",
        "'module: {class: A, b: }' | 'model.1.module.b' must be a number, true or false, a text, or a list of these, not null",
        "'module: {class: A, b: {c: 1}}' | 'model.1.module.b' must be a number, true or false, a text, or a list of these, not a"
                + " map",
        "'module: {class: A, b: [[1]]}' | 'model.1.module.b.0' must be a number, true or false, a text, or a list of these, not a"
                + " list",
        "'module: {class: A, b: 1e999}' | 'model.1.module.b' must be a finite number, not '1e999'",
        "'module: {class: A, b: 1e-99999999999}' | 'model.1.module.b' must be a number whose exponent has fewer digits, not"
                + " '1e-99999999999'",
        "'module: {class: A, ''ö b'': 1}' | 'model.1.module' has an option 'ö b'; names of options are letters, digits, - and _",
        "'{module: {class: A}, relu: 1}' | 'model.1' is more than the word relu; write '- relu'",
        "modul: {class: A} | key 'model.1.modul' is unknown; did you mean 'model.1.module'?",
    })
    void shouldRefuseInOneLine(String layer, String message) {
        assertEquals("job.yaml:6: " + message, Jobs.errorOf(Jobs.with("  - relu\n", "  - " + layer + "\n")));
    }

    @Test
    void shouldTakeAModelFromJava() {
        List<LayerConfig> model = List.of(new LayerConfig.LinearLayer(4, 8), new LayerConfig.ActivationLayer(ActivationKind.RELU),
                new LayerConfig.CustomLayer("com.example.Swish", Map.of("beta", 0.5)), new LayerConfig.LinearLayer(8, 3));
        String recipe = Jobs.MINIMAL.replaceAll("(?m)^model:\n(  - .*\n)*", "");

        Job job = JobFile.parse(recipe, model, Jobs.BASE);

        assertEquals(Jobs.parse(Jobs.with("  - relu\n", "  - relu\n  - module: {class: com.example.Swish, beta: 0.5}\n")), job);
        assertEquals("model: model: layer 1 (linear) takes 9 inputs but layer 0 gives 8", assertThrows(InvalidInputException.class,
                () -> JobFile.parse(recipe, List.of(new LayerConfig.LinearLayer(4, 8), new LayerConfig.LinearLayer(9, 3)),
                        Jobs.BASE)).getMessage().replaceAll(":\\d+", ""));
    }
}
