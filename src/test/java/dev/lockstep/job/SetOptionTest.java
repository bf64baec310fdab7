package dev.lockstep.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SetOptionTest {
    private static final OptionalDouble NONE = OptionalDouble.empty();

    @Test
    void shouldChangeKeysOfTheFile() {
        Job job = Jobs.parse(Jobs.MINIMAL, "train.epochs=7", "optimizer.sgd.lr=1e-2", "name=other = name");

        assertEquals(7, job.train().epochs());
        assertEquals(new OptimizerConfig.Sgd(0.01, 0, 0, 0, false), job.optimizer());
        assertEquals("other = name", job.name());
    }

    @Test
    void shouldSetKeysThatTheFileLeavesOut() {
        Job job = Jobs.parse(Jobs.MINIMAL, "seed=5", "timeout=5m", "checkpoint.keep=9", "train.shuffle=false");

        assertEquals(5, job.seed());
        assertEquals(Duration.ofMinutes(5), job.timeout());
        assertEquals(9, job.checkpoint().keep());
        assertEquals(new TrainConfig(2, OptionalInt.of(10), OptionalInt.empty(), 1, false, false, NONE, NONE), job.train());
    }

    @Test
    void shouldSetKeysUnderAMapThatTheFileLeavesEmpty() {
        assertEquals(4, Jobs.parse(Jobs.MINIMAL + "log:\n", "log.every-steps=4").log().everySteps());
    }

    @Test
    void shouldSetTheModelWhole() {
        assertEquals(
                List.of(new LayerConfig.LinearLayer(4, 3), new LayerConfig.ActivationLayer(ActivationKind.TANH)),
                Jobs.parse(Jobs.MINIMAL, "model=[linear: {in: 4, out: 3}, tanh]").model());
    }

    @Test
    void shouldSetAMapWhole() {
        assertEquals(
                new TrainConfig(1, OptionalInt.empty(), OptionalInt.of(8), 1, true, false, NONE, NONE),
                Jobs.parse(Jobs.MINIMAL, "train={epochs: 1, global-batch: 8}").train());
    }

    @Test
    void shouldSetWhatGoesWithALossThatTheFileNamesByAWord() {
        String key = "loss.cross-entropy.label-smoothing=0.25";
        for (String file : List.of("", "loss: cross-entropy\n", "loss: mse\n", "loss: {cross-entropy: {}}\n")) {
            assertEquals(new LossConfig.CrossEntropy(0.25), Jobs.parse(Jobs.MINIMAL + file, key).loss(), file);
        }
        assertEquals(new LossConfig.Mse(), Jobs.parse(Jobs.MINIMAL, key, "loss=mse").loss());
        assertEquals(List.of(new MetricConfig.Rmse()), Jobs.parse(Jobs.MINIMAL, "loss=mse").metrics());
        assertEquals(List.of(new MetricConfig.TopK(3)), Jobs.parse(Jobs.MINIMAL, "metrics=[top-k: 3]").metrics());
    }

    @Test
    void shouldLetTheLastOptionCount() {
        assertEquals(3, Jobs.parse(Jobs.MINIMAL, "train.epochs=9", "train.epochs=3").train().epochs());
    }

    @Test
    void shouldReplaceTheOtherBatchSize() {
        TrainConfig global = Jobs.parse(Jobs.MINIMAL, "train.global-batch=20").train();
        TrainConfig perRank =
                Jobs.parse(Jobs.with("batch-size", "global-batch"), "train.batch-size=20").train();

        assertEquals(new TrainConfig(2, OptionalInt.empty(), OptionalInt.of(20), 1, true, false, NONE, NONE), global);
        assertEquals(new TrainConfig(2, OptionalInt.of(20), OptionalInt.empty(), 1, true, false, NONE, NONE), perRank);
    }

    @Test
    void shouldReplaceTheOtherOptimizer() {
        assertEquals(new OptimizerConfig.Adam(0.01, 0.9, 0.999, 1e-8, 0, false),
                Jobs.parse(Jobs.MINIMAL, "optimizer.adam.lr=0.01").optimizer());
        assertEquals(new OptimizerConfig.Adam(0.001, 0.5, 0.25, 1e-6, 0.01, true),
                Jobs.parse(Jobs.MINIMAL, "optimizer.adam={}", "optimizer.adamw.betas=[.5, .25]", "optimizer.adamw.eps=1e-6")
                        .optimizer());
        assertEquals("--set optimizer.sgd.momentum=0.9: required key 'optimizer.sgd.lr' is missing",
                Jobs.errorOf(Jobs.with("sgd: {lr: 0.1}", "adam: {}"), "optimizer.sgd.momentum=0.9"));
    }

    @Test
    void shouldReplaceTheOtherUnitAndTheOtherDecay() {
        String schedule = "schedule: {warmup-epochs: 1, step: {every-epochs: 5}}\n";

        assertEquals(new ScheduleConfig(ScheduleConfig.Unit.STEPS, 9, Optional.of(new ScheduleConfig.CosineDecay(7, 0.05)),
                        ScheduleConfig.ScaleLr.NONE),
                Jobs.parse(Jobs.MINIMAL + schedule, "schedule.cosine={steps: 7}", "schedule.cosine.min-lr=0.05",
                        "schedule.warmup-steps=9").schedule());
        assertEquals(Optional.of(new ScheduleConfig.StepDecay(6, 0.1)), Jobs.parse(Jobs.MINIMAL + schedule,
                "schedule.step.every-steps=6", "schedule.warmup-steps=0").schedule().decay());
        assertEquals(ScheduleConfig.NONE, Jobs.parse(Jobs.MINIMAL + schedule, "schedule={}").schedule());
    }

    @Test
    void shouldDropTheKeysOfAnotherDataFormatWhateverTheOrder() {
        DataSource expected = new DataSource.Idx(Path.of("/base/jobs/i"), Path.of("/base/jobs/l"));

        assertEquals(expected, Jobs.parse(Jobs.MINIMAL,
                "data.train.format=idx", "data.train.images=i", "data.train.labels=l").data().train());
        assertEquals(expected, Jobs.parse(Jobs.MINIMAL,
                "data.train.images=i", "data.train.labels=l", "data.train.format=idx").data().train());
    }

    @Test
    void shouldKeepTheKeysOfTheSameDataFormat() {
        assertEquals(new DataSource.Synthetic(50, 4, 3, 0), Jobs.parse(Jobs.MINIMAL,
                "data.train.format=synthetic", "data.train.samples=50").data().train());
    }

    @Test
    void shouldReplaceClassesByOutputsAndTheOtherWayRound() {
        assertEquals(new DataSource.SyntheticValues(100, 4, 2, 0),
                Jobs.parse(Jobs.MINIMAL, "data.train.outputs=2", "loss=mse").data().train());
        assertEquals(new DataSource.Synthetic(100, 4, 5, 0),
                Jobs.parse(Jobs.MINIMAL, "data.train.outputs=2", "data.train.classes=5").data().train());
    }

    @Test
    void shouldAddAndRemoveTheTestSet() {
        String test = "data.test={format: synthetic, samples: 1, features: 4, classes: 3}";

        assertEquals(Optional.of(new DataSource.Synthetic(1, 4, 3, 0)), Jobs.parse(Jobs.MINIMAL, test).data().test());
        assertEquals(Optional.empty(), Jobs.parse(Jobs.MINIMAL, test, "data.test=").data().test());
        assertEquals(Optional.empty(), Jobs.parse(Jobs.MINIMAL, test, "data.test=null").data().test());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "train.epoch=1    | key 'train.epoch' is unknown; did you mean 'train.epochs'?",
        "epochs=1         | key 'epochs' is unknown; did you mean 'train.epochs'?",
        "optimizer.lr=1   | key 'optimizer.lr' is unknown; did you mean 'optimizer.sgd.lr'?",
        "name.first=a     | key 'name.first' is unknown; did you mean 'name'?",
        "model.0.linear.out=9 | key 'model.0.linear.out' is unknown; did you mean 'model'?",
        "train..epochs=1  | key 'train..epochs' is unknown; did you mean 'train.epochs'?",
        " train.epochs=1  | key ' train.epochs' is unknown; did you mean 'train.epochs'?",
        "train.epochs     | must have the form KEY=VALUE, such as train.epochs=1",
        "=1               | must have the form KEY=VALUE, such as train.epochs=1",
        "train.epochs=    | 'train.epochs' must be a whole number from 1 to 2147483647, not null",
        "train.epochs=many | 'train.epochs' must be a whole number from 1 to 2147483647, not 'many'",
        "train=[          | does not parse as YAML: expected the node content, but found '<stream end>'",
        "train={a: 1, a: 2} | key 'a' is given twice",
        "log={a: 1}       | key 'log.a' is unknown; did you mean 'log.every-steps'?",
        "data.train.images=x | key 'data.train.images' goes with format idx, not with synthetic",
        "data.test.seed=1 | required key 'data.test.format' is missing",
    })
    void shouldNameTheOption(String option, String expected) {
        // JUnit's table trims its cells; a leading blank is put back where it is the point.
        String given = expected.startsWith("key ' ") ? " " + option : option;

        assertEquals("--set " + given + ": " + expected, Jobs.errorOf(Jobs.MINIMAL, given));
    }

    @Test
    void shouldNotHideAWrongMapOfTheFile() {
        assertEquals("job.yaml:13: 'log' must be a map of keys, not '5'",
                Jobs.errorOf(Jobs.MINIMAL + "log: 5\n", "log.every-steps=1"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\nb\u001B[31m=1", "name=\"a\\nb\"", "name=a\u2028b"})
    void shouldKeepTheMessageOnOneLine(String option) {
        String error = Jobs.errorOf(Jobs.MINIMAL, option);

        assertTrue(error.lines().count() == 1 && error.codePoints().noneMatch(c -> c < ' ' || c == 0x2028), error);
    }

    @Test
    void shouldCutLongOptionsInMessages() {
        assertTrue(Jobs.errorOf(Jobs.MINIMAL, "a.".repeat(50_000) + "=1").length() < 500);
        assertTrue(Jobs.errorOf(Jobs.MINIMAL, "seed=" + "a".repeat(50_000)).length() < 500);
    }
}
