package dev.lockstep.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LossReaderTest {
    private static final String LOSSES =
            "'loss' must be one of cross-entropy, mse, {cross-entropy: {label-smoothing: 0.1}}, not ";

    @Test
    void shouldReadEveryLoss() {
        assertEquals(new LossConfig.CrossEntropy(0), loss("cross-entropy"));
        assertEquals(new LossConfig.CrossEntropy(0), loss("{cross-entropy: {}}"));
        assertEquals(new LossConfig.CrossEntropy(0.1), loss("{cross-entropy: {label-smoothing: 0.1}}"));
        assertEquals(new LossConfig.CrossEntropy(1), loss("{cross-entropy: {label-smoothing: 1}}"));
        assertEquals(new LossConfig.Mse(), loss("mse"));
    }

    private static LossConfig loss(String text) {
        return Jobs.parse(Jobs.MINIMAL + "loss: " + text + "\n").loss();
    }

    @Test
    void shouldChooseMetricsByTheLoss() {
        assertEquals(List.of(new MetricConfig.Accuracy()), Jobs.parse(Jobs.MINIMAL).metrics());
        assertEquals(List.of(new MetricConfig.Rmse()), Jobs.parse(Jobs.MINIMAL + "loss: mse\n").metrics());
        assertEquals(List.of(), Jobs.parse(Jobs.MINIMAL + "metrics: []\n").metrics());
        assertEquals(List.of(new MetricConfig.TopK(5), new MetricConfig.Accuracy(), new MetricConfig.ConfusionMatrix()),
                Jobs.parse(Jobs.MINIMAL + "metrics: [{top-k: 5}, accuracy, confusion-matrix]\n").metrics());
        assertEquals(List.of(new MetricConfig.Mae(), new MetricConfig.Rmse()),
                Jobs.parse(Jobs.MINIMAL + "loss: mse\nmetrics: [mae, rmse]\n").metrics());
    }

    @Test
    void shouldMonitorAnyOfTheMetrics() {
        String job = Jobs.with("model:", "  validation: {format: synthetic, samples: 9, features: 4, classes: 3}\nmodel:")
                + "metrics: [confusion-matrix, {top-k: 2}]\n";
        assertEquals(Optional.of(new MetricConfig.TopK(2)),
                Jobs.parse(job, "validation.monitor=top-2").validation().orElseThrow().monitor());
        assertEquals(Optional.empty(), Jobs.parse(job).validation().orElseThrow().monitor());
        assertEquals("--set validation.monitor=accuracy: 'validation.monitor' must be one of loss, top-2, not 'accuracy'",
                Jobs.errorOf(job, "validation.monitor=accuracy"));
    }

    @Test
    void shouldRefuseWhatIsNoLoss() {
        assertEquals("job.yaml:13: " + LOSSES + "'mae'", Jobs.errorOf(Jobs.MINIMAL + "loss: mae\n"));
        assertEquals("job.yaml:13: " + LOSSES + "a list", Jobs.errorOf(Jobs.MINIMAL + "loss: []\n"));
        assertEquals("job.yaml:13: " + LOSSES + "null", Jobs.errorOf(Jobs.MINIMAL + "loss:\n"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "loss: {mse: {}}         | 'loss' is more than the word mse; write 'loss: mse'",
        "loss: {}                | required key 'loss.cross-entropy' is missing",
        "loss: {cross-entropi: {}} | key 'loss.cross-entropi' is unknown; did you mean 'loss.cross-entropy'?",
        "loss: {cross-entropy: {smoothing: 1}} | key 'loss.cross-entropy.smoothing' is unknown; did you mean"
                + " 'loss.cross-entropy.label-smoothing'?",
        "loss: {cross-entropy: {label-smoothing: 1.5}} | 'loss.cross-entropy.label-smoothing' must be a number from 0 to 1,"
                + " not '1.5'",
        "loss: {cross-entropy: {label-smoothing: -1}} | 'loss.cross-entropy.label-smoothing' must be a finite number of at"
                + " least 0, not '-1'",
        "metrics: accuracy       | 'metrics' must be a list of metrics, such as [accuracy, {top-k: 5}], not 'accuracy'",
        "metrics: [f1]           | 'metrics.0' must be one of accuracy, {top-k: 5}, mae, rmse, confusion-matrix, not 'f1'",
        "metrics: [top-k]        | 'metrics.0' needs a number: write '{top-k: 5}'",
        "metrics: [{top-k: 0}]   | 'metrics.0.top-k' must be a whole number from 1 to 2147483647, not '0'",
        "metrics: [{topk: 1}]    | key 'metrics.0.topk' is unknown; did you mean 'metrics.0.top-k'?",
        "metrics: [accuracy, accuracy] | 'metrics' names accuracy twice; keep one",
        "metrics: [rmse]         | metric rmse is of numbers, and loss cross-entropy of classes; choose accuracy, top-k or"
                + " confusion-matrix",
    })
    void shouldSayWhatALossOrAMetricTakes(String line, String expected) {
        assertEquals("job.yaml:13: " + expected, Jobs.errorOf(Jobs.MINIMAL + line + "\n"));
    }

    @Test
    void shouldRefuseBothKindsOfSyntheticTargets() {
        assertEquals("job.yaml:3: 'data.train.outputs' and 'classes' beside it exclude each other: keep outputs for numbers to"
                + " predict, classes for labels", Jobs.errorOf(Jobs.with("classes: 3", "classes: 3, outputs: 1")));
        assertEquals("job.yaml:3: 'data.train.outputs' must be a whole number from 1 to 2147483647, not '0'",
                Jobs.errorOf(Jobs.with("classes: 3", "outputs: 0")));
    }
}
