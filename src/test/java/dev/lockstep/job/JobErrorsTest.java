package dev.lockstep.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class JobErrorsTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "name: tiny           | nam: tiny           | 1: key 'nam' is unknown; did you mean 'name'?",
        "name: tiny           | epochs: 3           | 1: key 'epochs' is unknown; did you mean 'train.epochs'?",
        "name: tiny           | zzz: 3              | 1: key 'zzz' is unknown; did you mean 'log'?",
        "name: tiny           | train.epochs: 3     | 1: key 'train.epochs' holds a dot; in a job file keys are nested, as in 'train: {epochs: 1}'",
        "name: tiny           | [a]: 3              | 1: a key must be plain text, not a list or a map",
        "name: tiny           | seed: 0             | 1: required key 'name' is missing",
        "train: {format       | trian: {format      | 3: key 'data.trian' is unknown; did you mean 'data.train'?",
        "train: {format       | test: {format       | 3: required key 'data.train' is missing",
        "samples: 100         | sample: 100         | 3: key 'data.train.sample' is unknown; did you mean 'data.train.samples'?",
        "samples: 100,        | ``                  | 3: required key 'data.train.samples' is missing",
        "samples: 100         | images: x           | 3: key 'data.train.images' goes with format idx, not with synthetic",
        "samples: 100         | samples: 1, samples: 2 | 3: key 'data.train.samples' is given twice; it stands already in line 3",
        "format: synthetic    | format: xls         | 3: 'data.train.format' must be one of idx, synthetic, csv, not 'xls'",
        "format: synthetic,   | ``                  | 3: required key 'data.train.format' is missing",
        "- relu               | - rleu              | 6: key 'model.1.rleu' is unknown; did you mean 'model.1.relu'?",
        "- relu               | - linaer: {in: 1}   | 6: key 'model.1.linaer' is unknown; did you mean 'model.1.linear'?",
        "- relu               | - linear            | 6: 'model.1' needs sizes: write 'linear: {in: …, out: …}'",
        "- relu               | - relu: {}          | 6: 'model.1' is more than the word relu; write '- relu'",
        "- relu               | - []                | 6: 'model.1' must be a layer, not a list",
        "- relu               | -                   | 6: 'model.1' must be a layer, not null",
        "- relu               | - {}                | 6: required key 'model.1.linear' is missing",
        "- relu               | - linear: 8         | 6: 'model.1.linear' must be a map of keys, not '8'",
        "- relu               | - batchnorm         | 6: key 'model.1.batchnorm' is unknown; did you mean 'model.1.batch-norm'?",
        "- relu               | - dropout           | 6: 'model.1' needs a probability: write 'dropout: 0.5'",
        "- relu               | - dropout: 1        | 6: 'model.1.dropout' must be a number from 0 to less than 1, not '1'",
        "- relu               | - dropout: -0.5     | 6: 'model.1.dropout' must be a number from 0 to less than 1, not '-0.5'",
        "- relu               | - dropout: {p: 0.5} | 6: 'model.1.dropout' must be a finite number, not a map",
        "- relu               | - batch-norm: {ep: 1} | 6: key 'model.1.batch-norm.ep' is unknown; did you mean 'model.1.batch-norm.eps'?",
        "- relu               | - batch-norm: {eps: -1} | 6: 'model.1.batch-norm.eps' must be a finite number of at least 0, not '-1'",
        "- relu               | - sync-batch-norm: {momentum: 2} | 6: 'model.1.sync-batch-norm.momentum' must be a number from 0 to 1, not '2'",
        "- relu               | - layer-norm: {momentum: 0.1} | 6: key 'model.1.layer-norm.momentum' is unknown; did you mean 'model.1.layer-norm.eps'?",
        "- relu               | - layer-norm: 1e-5  | 6: 'model.1.layer-norm' must be a map of keys, not '1e-5'",
        "- relu               | - residual          | 6: 'model.1' needs layers: write 'residual: [{linear: {in: 8, out: 8}}, relu]'",
        "- relu               | - residual: relu    | 6: 'model.1.residual' must be a list of layers, not 'relu'",
        "- relu               | - residual: []      | 6: 'model.1.residual' is empty; it needs at least one layer",
        "- relu               | - residual: [rleu]  | 6: key 'model.1.residual.0.rleu' is unknown; did you mean 'model.1.residual.0.relu'?",
        "- relu               | - residual: [{linear: {in: 8, out: 9}}] | 6: model: layer 1 (residual) takes 8 inputs but its layers give 9; make the last linear layer in it give 8",
        "- relu               | - residual: [{linear: {in: 9, out: 9}}] | 6: model: layer 1 (residual) takes 9 inputs but layer 0 gives 8",
        "- relu               | - residual: [{linear: {in: 8, out: 4}}, relu, {linear: {in: 5, out: 8}}] | 6: model.1.residual: layer 2 (linear) takes 5 inputs but layer 0 gives 4",
        "- relu               | - {dropout: 0.5, batch-norm: {}} | 6: 'model.1' is both dropout and batch-norm; write each as an item of the list",
        "in: 8                | inn: 8              | 7: key 'model.2.linear.inn' is unknown; did you mean 'model.2.linear.in'?",
        "in: 8,               | ``                  | 7: required key 'model.2.linear.in' is missing",
        "in: 8,               | in: 8, in: 8,       | 7: key 'model.2.linear.in' is given twice; it stands already in line 7",
        "in: 8                | in: 64              | 7: model: layer 2 (linear) takes 64 inputs but layer 0 gives 8",
        "out: 3               | out: 0              | 7: 'model.2.linear.out' must be a whole number from 1 to 2147483647, not '0'",
        "sgd: {lr             | sdg: {lr            | 9: key 'optimizer.sdg' is unknown; did you mean 'optimizer.sgd'?",
        "sgd: {lr             | adm: {lr            | 9: key 'optimizer.adm' is unknown; did you mean 'optimizer.adam'?",
        "sgd: {lr: 0.1}       | adamw: {beta: 1}    | 9: key 'optimizer.adamw.beta' is unknown; did you mean 'optimizer.adamw.betas'?",
        "sgd: {lr: 0.1}       | adam: {lr: -1}      | 9: 'optimizer.adam.lr' must be a finite number of at least 0, not '-1'",
        "sgd: {lr: 0.1}       | adam: {momentum: 1} | 9: key 'optimizer.adam.momentum' is unknown; did you mean 'optimizer.sgd.momentum'?",
        "sgd: {lr: 0.1}       | adam: {betas: 0.9}  | 9: 'optimizer.adam.betas' must be a list of two numbers, such as [0.9, 0.999], not '0.9'",
        "sgd: {lr: 0.1}       | adam: {betas: [1]}  | 9: 'optimizer.adam.betas' must be a list of two numbers, such as [0.9, 0.999], not a list of 1",
        "sgd: {lr: 0.1}       | adam: {betas: [.9, 1]} | 9: 'optimizer.adam.betas.1' must be a number from 0 to below 1, not '1'",
        "sgd: {lr: 0.1}       | adam: {betas: [-1, 0]} | 9: 'optimizer.adam.betas.0' must be a finite number of at least 0, not '-1'",
        "sgd: {lr: 0.1}       | adam: {eps: 0}      | 9: 'optimizer.adam.eps' must be a number of a float's size, from 1.2e-38 to 3.4e38, not '0'",
        "sgd: {lr: 0.1}       | adam: {eps: 1e-99}  | 9: 'optimizer.adam.eps' must be a number of a float's size, from 1.2e-38 to 3.4e38, not '1e-99'",
        "sgd: {lr: 0.1}       | adam: {eps: 1e39}   | 9: 'optimizer.adam.eps' must be a number of a float's size, from 1.2e-38 to 3.4e38, not '1e39'",
        "sgd: {lr: 0.1}       | adam:               | 9: 'optimizer.adam' must be a map of keys, not null",
        "sgd: {lr: 0.1}       | {sgd: {lr: 1}, adam: {}} | 9: 'optimizer.sgd' and 'optimizer.adam' exclude each other; keep one",
        "sgd: {lr: 0.1}       | {}                  | 9: required key 'optimizer.sgd' is missing (or 'optimizer.adam' or 'optimizer.adamw')",
        "lr: 0.1              | learning-rate: 0.1  | 9: key 'optimizer.sgd.learning-rate' is unknown; did you mean 'optimizer.sgd.lr'?",
        "lr: 0.1              | ``                  | 9: required key 'optimizer.sgd.lr' is missing",
        "epochs: 2            | epoch: 2            | 11: key 'train.epoch' is unknown; did you mean 'train.epochs'?",
        "epochs: 2            | shuffle: true       | 11: required key 'train.epochs' is missing",
        "batch-size: 10       | batch: 10           | 12: key 'train.batch' is unknown; did you mean 'train.batch-size'?",
        "batch-size: 10       | epochs: 3           | 12: key 'train.epochs' is given twice; it stands already in line 11",
        "batch-size: 10       | shuffle: true       | 11: required key 'train.batch-size' is missing (or 'train.global-batch', over all ranks)",
        "epochs: 2            | {epochs: 2, global-batch: 20 | 12: does not parse as YAML: expected ',' or '}', but got :",
    })
    void shouldNameKeyAndLine(String piece, String replacement, String expected) {
        assertTrue(Jobs.errorOf(Jobs.with(piece, replacement)).startsWith("job.yaml:" + expected),
                Jobs.errorOf(Jobs.with(piece, replacement)));
    }

    /** Aliases double the layers in every line. */
    @Test
    void shouldRefuseVeryManyLayersOfFewLines() {
        StringBuilder model = new StringBuilder("- &a0 relu");
        for (int i = 0; i < 20; i++) {
            model.append("\n  - &a").append(i + 1).append(" {residual: [*a").append(i).append(", *a").append(i).append("]}");
        }
        String error = Jobs.errorOf(Jobs.with("- relu", model.toString()));
        assertTrue(error.contains("the model has more than 10000 layers"), error);
    }

    @Test
    void shouldRefuseBothBatchSizes() {
        assertEquals(
                "job.yaml:13: 'train.batch-size' and 'train.global-batch' exclude each other; keep one",
                Jobs.errorOf(Jobs.MINIMAL + "  global-batch: 20\n"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "seed: -1                | 'seed' must be a whole number from 0 to 9223372036854775807, not '-1'",
        "seed: 9223372036854775808 | 'seed' must be a whole number from 0 to 9223372036854775807, not '9223372036854775808'",
        "seed: one               | 'seed' must be a whole number from 0 to 9223372036854775807, not 'one'",
        "seed: \"1\"             | 'seed' must be a whole number from 0 to 9223372036854775807, not the quoted text '1'",
        "seed:                   | 'seed' must be a whole number from 0 to 9223372036854775807, not null",
        "seed: !!int 1           | tag 'tag:yaml.org,2002:int' has no place here; leave it out",
        "seed: *one              | alias '*one' stands for no finished value above",
        "device: gpu             | 'device' must be one of auto, cpu, cuda, not 'gpu'",
        "device: CPU             | 'device' must be one of auto, cpu, cuda, not 'CPU'",
        "precision: fp16         | 'precision' must be one of fp32, tf32, bf16, not 'fp16'",
        "threads: 0              | 'threads' must be a whole number from 1 to 4096 or auto, not '0'",
        "gpu-sharing: yes        | 'gpu-sharing' must be true or false, not 'yes'",
        "gpu-sharing: 1          | 'gpu-sharing' must be true or false, not '1'",
        "gpu-sharing: \"true\"   | 'gpu-sharing' must be true or false, not the quoted text 'true'",
        "timeout: 60             | 'timeout' must be a time above 0, at most 8760h, such as 60s or 5m, not '60'",
        "timeout: 0s             | 'timeout' must be a time above 0, at most 8760h, such as 60s or 5m, not '0s'",
        "timeout: -1s            | 'timeout' must be a time above 0, at most 8760h, such as 60s or 5m, not '-1s'",
        "timeout: 9999999999999999999h | 'timeout' must be a time above 0, at most 8760h, such as 60s or 5m, not '9999999999999999999h'",
        "distributed: []         | 'distributed' must be a map of keys, not a list",
        "distributed:            | 'distributed' must be a map of keys, not null",
        "distributed: {bucket: 0}       | 'distributed.bucket' must be a size from 4B to 1024GiB such as 4MiB, not '0'",
        "distributed: {bucket: 25MB}    | 'distributed.bucket' must be a size from 4B to 1024GiB such as 4MiB, not '25MB'",
        "distributed: {chunk: 2GiB}     | 'distributed.chunk' must be a size from 4B to 1GiB such as 4MiB, not '2GiB'",
        "distributed: {chunk: 9999999999GiB} | 'distributed.chunk' must be a size from 4B to 1GiB such as 4MiB, not '9999999999GiB'",
        "checkpoint: {keep: 0}          | 'checkpoint.keep' must be a whole number from 1 to 2147483647, not '0'",
        "checkpoint: {every-epochs: 1.5} | 'checkpoint.every-epochs' must be a whole number from 0 to 2147483647, not '1.5'",
        "checkpoint: {every-minutes: -1} | 'checkpoint.every-minutes' must be a finite number of at least 0, not '-1'",
        "schedule: {warmup-steps: -1}   | 'schedule.warmup-steps' must be a whole number from 0 to 9223372036854775807, not '-1'",
        "schedule: {warmup: 9}          | key 'schedule.warmup' is unknown; did you mean 'schedule.warmup-steps'?",
        "schedule: {warmup-steps: 1, warmup-epochs: 1} | 'schedule.warmup-steps' and 'schedule.warmup-epochs' exclude each other; keep one",
        "schedule: {step: {every-steps: 1}, cosine: {steps: 1}} | 'schedule.step' and 'schedule.cosine' exclude each other; keep one",
        "schedule: {step: {gamma: 0.5}} | required key 'schedule.step.every-steps' is missing (or 'schedule.step.every-epochs')",
        "schedule: {step: {every-steps: 0}} | 'schedule.step.every-steps' must be a whole number from 1 to 9223372036854775807, not '0'",
        "schedule: {cosine: {}}         | required key 'schedule.cosine.steps' is missing (or 'schedule.cosine.epochs')",
        "schedule: {cosine: {epochs: 9, min-lr: 0.2}} | 'schedule.cosine.min-lr' must be at most the learning rate that falls to it, 0.1, not '0.2'",
        "schedule: {warmup-steps: 5, cosine: {epochs: 9}} | 'schedule.warmup-steps' goes with a decay in the same unit, and 'schedule.cosine.epochs' is another; count both in steps or both in epochs",
        "schedule: {scale-lr: sqrt}     | 'schedule.scale-lr' must be one of none, linear, not 'sqrt'",
        "validation: {monitor: loss}    | 'validation' needs data to validate on; name it with 'data.validation'",
        "validation: {patience: 2}      | 'validation' needs data to validate on; name it with 'data.validation'",
        "validations: {}                | key 'validations' is unknown; did you mean 'validation'?",
        "log: {every-steps: -1}         | 'log.every-steps' must be a whole number from 0 to 9223372036854775807, not '-1'",
        "log: {every-step: 1}           | key 'log.every-step' is unknown; did you mean 'log.every-steps'?",
        "name: again                    | key 'name' is given twice; it stands already in line 1",
    })
    void shouldSayWhatAnOptionalKeyTakes(String line, String expected) {
        assertEquals("job.yaml:13: " + expected, Jobs.errorOf(Jobs.MINIMAL + line + "\n"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "biases                              | 'optimizer.groups' must be a list of groups such as {parameters: [biases, norms], weight-decay: 0}, not 'biases'",
        "[biases]                            | 'optimizer.groups.0' must be a map of keys, not 'biases'",
        "[{lr: 1}]                           | required key 'optimizer.groups.0.parameters' is missing",
        "[{parameters: biases}]              | 'optimizer.groups.0' changes nothing; give it an lr, a weight-decay or both",
        "[{parameters: [], lr: 1}]           | 'optimizer.groups.0.parameters' names none; give biases, norms, a pattern of names such as '4.*', or a list of these",
        "[{parameters: {a: 1}, lr: 1}]       | 'optimizer.groups.0.parameters' must be biases, norms, a pattern of names such as '4.*', or a list of these, not a map",
        "[{parameters: [[]], lr: 1}]         | 'optimizer.groups.0.parameters.0' must be biases, norms, a pattern of names such as '4.*', or a list of these, not a list",
        "[{parameters: norms, lr: -1}]       | 'optimizer.groups.0.lr' must be a finite number of at least 0, not '-1'",
        "[{parameters: norms, momentum: 1}]  | key 'optimizer.groups.0.momentum' is unknown; did you mean 'optimizer.groups.0.lr'?",
    })
    void shouldSayWhatAGroupTakes(String groups, String expected) {
        assertEquals("--set optimizer.groups=" + groups + ": " + expected,
                Jobs.errorOf(Jobs.MINIMAL, "optimizer.groups=" + groups));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "validation={monitor: accurate}      | 'validation.monitor' must be one of loss, accuracy, not 'accurate'",
        "validation={monitor: confusion-matrix} | 'validation.monitor' must be one of loss, accuracy, not 'confusion-matrix'",
        "validation={every-epochs: -1}       | 'validation.every-epochs' must be a whole number from 0 to 2147483647, not '-1'",
        "validation={every-epochs: 0}        | 'validation.every-epochs' and 'validation.every-steps' are both 0, so that nothing"
                + " is ever validated; set one, or leave 'data.validation' out",
        "validation=[]                       | 'validation' must be a map of keys, not a list",
        "validation={early-stopping: 3}      | 'validation.early-stopping' must be a map of keys, not '3'",
        "validation={early-stopping: {patience: 0}} | 'validation.early-stopping.patience' must be a whole number from 1 to"
                + " 2147483647, not '0'",
        "validation={early-stopping: {min-delta: -1}} | 'validation.early-stopping.min-delta' must be a finite number of at"
                + " least 0, not '-1'",
        "validation={patience: 2}            | key 'validation.patience' is unknown; did you mean"
                + " 'validation.early-stopping.patience'?",
    })
    void shouldSayWhatAKeyOfTheValidationTakes(String set, String expected) {
        assertEquals("--set " + set + ": " + expected, Jobs.errorOf(Jobs.MINIMAL,
                "data.validation={format: synthetic, samples: 5, features: 4, classes: 3}", set));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "train.clip-norm=0     | 'train.clip-norm' must be a finite number above 0 or null, not '0'",
        "train.clip-norm=.inf  | 'train.clip-norm' must be a finite number above 0 or null, not '.inf'",
        "train.clip-value=-1   | 'train.clip-value' must be a finite number above 0 or null, not '-1'",
        "train.accumulate=0    | 'train.accumulate' must be a whole number from 1 to 2147483647, not '0'",
        "train.accumulate=null | 'train.accumulate' must be a whole number from 1 to 2147483647, not null",
    })
    void shouldSayWhatAKeyOfTheTrainingLoopTakes(String set, String expected) {
        assertEquals("--set " + set + ": " + expected, Jobs.errorOf(Jobs.MINIMAL, set));
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "-1", "2147483648", "99999999999999999999", "1.0", "1e3", "0x10", "two", "'2'", "~", "[2]", "{}"})
    void shouldRefuseEpochsThatAreNoPositiveInt(String epochs) {
        String error = Jobs.errorOf(Jobs.with("epochs: 2", "epochs: " + epochs));

        assertTrue(error.startsWith("job.yaml:11: 'train.epochs' must be a whole number from 1 to 2147483647, not "), error);
    }

    @ParameterizedTest
    @ValueSource(strings = {"batch-size: 0", "global-batch: -3", "batch-size: 2147483648", "batch-size: 1.5"})
    void shouldRefuseABatchThatIsNoPositiveInt(String batch) {
        String error = Jobs.errorOf(Jobs.with("batch-size: 10", batch));

        assertTrue(error.contains("must be a whole number from 1 to 2147483647, not "), error);
    }

    @ParameterizedTest
    @ValueSource(strings = {"lr: -0.1", "lr: .nan", "lr: NaN", "lr: .inf", "lr: 1e999", "lr: fast", "lr: '0.1'", "lr: 0.1f",
        "lr: 0.1, momentum: -1", "lr: 0.1, momentum: nan", "lr: 0.1, weight-decay: -1e-9", "lr: 0.1, dampening: .inf"})
    void shouldRefuseHyperparametersOutOfRange(String sgd) {
        String error = Jobs.errorOf(Jobs.with("lr: 0.1", sgd));

        assertTrue(error.matches("job.yaml:9: 'optimizer.sgd.[a-z-]+' must be a finite number.*, not .*"), error);
    }

    /** They are computed with as floats, where these are infinite or 0. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "optimizer.sgd.lr             | 1e39",
        "optimizer.sgd.lr             | 1e-50",
        "optimizer.sgd.momentum       | 1e39",
        "optimizer.sgd.weight-decay   | 1e-46",
        "optimizer.sgd.dampening      | -1e39",
        "optimizer.adam.lr            | 1e39",
        "optimizer.adamw.weight-decay | 1e40",
        "schedule                     | {step: {every-steps: 1, gamma: 1e99}}",
        "schedule                     | {cosine: {steps: 1, min-lr: 1e-50}}",
        "optimizer.groups             | [{parameters: norms, lr: 1e39}]",
        "optimizer.groups             | [{parameters: norms, weight-decay: 1e-50}]",
        "model                        | [{linear: {in: 4, out: 3}}, {layer-norm: {eps: 1e39}}]",
    })
    void shouldRefuseNumbersThatAreInfiniteOrZeroAsFloats(String key, String value) {
        String error = Jobs.errorOf(Jobs.MINIMAL, key + "=" + value);

        assertTrue(error.matches("--set .*: '[a-z0-9.-]+' must be 0 or a number of a float's size, from 1.2e-38 to 3.4e38,"
                + " not '[-0-9e]+'"), error);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "3.4e38", "1.2e-38"})
    void shouldTakeTheSmallestAndTheLargestFloats(String lr) {
        assertEquals(Double.parseDouble(lr), Jobs.parse(Jobs.with("lr: 0.1", "lr: " + lr)).optimizer().lr());
    }

    @ParameterizedTest
    @ValueSource(strings = {"nesterov: true", "nesterov: true, momentum: 0.9, dampening: 0.1"})
    void shouldRefuseNesterovWhereTorchDoes(String sgd) {
        assertEquals(
                "job.yaml:9: 'optimizer.sgd.nesterov' needs a momentum above 0 and a dampening of 0",
                Jobs.errorOf(Jobs.with("lr: 0.1", "lr: 0.1, " + sgd)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"''", "a/b", "a\\b", ".", "..", ".hidden", "-rf", "' a'", "'a '", "a.", "\"a\\0b\"", "\"a\\nb\"",
        "\"a\\u202eb\"", "'a:b'", "'a*'", "[a]", "~"})
    void shouldRefuseNamesUnfitForAFolder(String name) {
        String error = Jobs.errorOf(Jobs.with("tiny", name));

        assertTrue(error.startsWith("job.yaml:1: 'name' must be a folder's name: "), error);
        assertOneLine(error);
    }

    @Test
    void shouldBoundTheLengthOfNames() {
        assertEquals("n".repeat(100), Jobs.parse(Jobs.with("tiny", "n".repeat(100))).name());
        assertTrue(Jobs.errorOf(Jobs.with("tiny", "n".repeat(101))).contains("at most 100 bytes"));
        assertTrue(Jobs.errorOf(Jobs.with("tiny", "ö".repeat(51))).contains("at most 100 bytes"));
    }

    @Test
    void shouldRefuseAModelWithoutLinearLayers() {
        String before = Jobs.MINIMAL.substring(0, Jobs.MINIMAL.indexOf("model:"));
        String after = Jobs.MINIMAL.substring(Jobs.MINIMAL.indexOf("optimizer:"));

        assertEquals("job.yaml:4: 'model' is empty; it needs at least one linear layer",
                Jobs.errorOf(before + "model: []\n" + after));
        assertEquals("job.yaml:4: 'model' has no linear layer; it needs at least one",
                Jobs.errorOf(before + "model: [relu, gelu]\n" + after));
        assertEquals("job.yaml:4: 'model' must be a list of layers, not a map",
                Jobs.errorOf(before + "model: {linear: {in: 1, out: 1}}\n" + after));
        assertEquals("job.yaml:1: required key 'model' is missing", Jobs.errorOf(before + after));
    }

    @ParameterizedTest
    @ValueSource(strings = {"images: ''", "images: ~", "images: {a: b}", "images: \"a\\0b\"", "images: \"\\uD800\""})
    void shouldRefusePathsThatNameNoFile(String images) {
        String error = Jobs.errorOf(Jobs.with(
                "format: synthetic, samples: 100, features: 4, classes: 3", "format: idx, labels: l, " + images));

        assertTrue(error.startsWith("job.yaml:3: 'data.train.images' must be "), error);
        assertOneLine(error);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "[1, 2]              | 1: a job file must be a map of keys such as 'name: my-job'",
        "text                | 1: a job file must be a map of keys such as 'name: my-job'",
        "name: a: b          | 1: does not parse as YAML: mapping values are not allowed here",
        "name: [a            | 1: does not parse as YAML: expected ',' or ']', but got <stream end>",
        "name: \"a           | 1: does not parse as YAML: found unexpected end of stream",
        "`\tname: a`         | 1: does not parse as YAML: found character '\\t(TAB)' that cannot start any token. (Do not use \\t(TAB) for indentation)",
        "`name: a\u0001`     | 1: does not parse as YAML: it may not hold the character U+0001",
        "!!java.net.URL [a]  | 1: tag 'tag:yaml.org,2002:java.net.URL' has no place here; leave it out",
        "a: &a [*a]          | 1: alias '*a' stands for no finished value above",
    })
    void shouldRefuseWhatIsNoMapInYaml(String yaml, String expected) {
        String error = Jobs.errorOf(yaml);

        assertTrue(error.startsWith("job.yaml:" + expected), error);
        assertOneLine(error);
    }

    @Test
    void shouldRefuseASecondDocument() {
        assertEquals("job.yaml:13: a second YAML document begins here; keep only one",
                Jobs.errorOf(Jobs.MINIMAL + "---\nname: b\n"));
    }

    static Stream<String> hostileInputs() {
        StringBuilder laughs = new StringBuilder("a0: &a0 [lol, lol, lol]\n");
        for (int i = 1; i < 40; i++) {
            laughs.append("a%d: &a%d [*a%d, *a%d, *a%d]\n".formatted(i, i, i - 1, i - 1, i - 1));
        }
        int size = 1 << 18;
        return Stream.of(
                laughs.toString(),
                "[".repeat(size),
                "{a: ".repeat(size / 4),
                "- ".repeat(size / 2),
                "? ".repeat(size / 2),
                "[" + "a,".repeat(size / 2 - 1) + "]",
                "k".repeat(size - 10) + ": 1",
                "name: " + "9".repeat(size - 10),
                "seed: " + "9".repeat(size - 10) + "\n" + Jobs.MINIMAL,
                "a: \"" + "\\n".repeat(size / 2 - 10) + "\"",
                "&a ".repeat(size / 3),
                "!".repeat(size),
                "'".repeat(size - 1),
                "--- ".repeat(size / 4),
                "%YAML 1.99999999999999999999\n---\na: b",
                "a: \"\\UFFFFFFFF\"",
                "a: \uD800");
    }

    @ParameterizedTest
    @MethodSource("hostileInputs")
    void shouldRefuseHostileInputSoon(String yaml) {
        String error = assertTimeoutPreemptively(Duration.ofSeconds(20), () -> Jobs.errorOf(yaml));

        assertOneLine(error);
    }

    private static void assertOneLine(String message) {
        assertTrue(message.length() < 500 && message.codePoints().noneMatch(Character::isISOControl), message);
    }
}
