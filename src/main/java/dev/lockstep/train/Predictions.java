package dev.lockstep.train;

import dev.lockstep.comm.Communicator;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What a model gives for each sample of a data set, in the data set's order, as CSV: the sample's index, its target, what
 * is predicted, and of classes the probability of each. Each rank puts its own samples into words.
 */
final class Predictions implements Evaluator.Spectator {
    private final Communicator communicator;
    private final Evaluator evaluator;
    private final Optional<PredictionsFile> file;
    private final boolean labelled;
    private final int columns;
    private final StringBuilder lines = new StringBuilder();

    /**
     * @param file     on rank 0
     * @param labelled whether the targets are labels
     * @param columns  outputs of the model
     */
    Predictions(Communicator communicator, Evaluator evaluator, Optional<PredictionsFile> file, boolean labelled,
            int columns) {
        this.communicator = communicator;
        this.evaluator = evaluator;
        this.file = file;
        this.labelled = labelled;
        this.columns = columns;
        file.ifPresent(csv -> csv.writeHeader(header()));
    }

    private String header() {
        return labelled ? "index,target,prediction," + columns("probability")
                : columns == 1 ? "index,target,prediction" : "index," + columns("target") + "," + columns("prediction");
    }

    private String columns(String name) {
        return IntStream.range(0, columns).mapToObj(column -> name + "_" + column).collect(Collectors.joining(","));
    }

    @Override
    public void evaluated(EvaluatedSamples samples, int first) {
        lines.setLength(0);
        for (int sample = 0; sample < samples.size(); sample++) {
            lines.append(evaluator.index(first + sample));
            if (labelled) {
                describeClasses(samples, sample);
            } else {
                describeValues(samples, sample);
            }
            lines.append('\n');
        }
        List<byte[]> ranks = communicator.allGather(lines.toString().getBytes(StandardCharsets.US_ASCII));
        file.ifPresent(csv -> csv.writeInTurn(ranks));
    }

    private void describeClasses(EvaluatedSamples samples, int sample) {
        int prediction = samples.prediction(sample);
        lines.append(',').append(samples.label(sample)).append(',').append(prediction);
        double maximum = samples.output(sample, prediction);
        double sum = 0;
        for (int column = 0; column < columns; column++) {
            sum += Math.exp(samples.output(sample, column) - maximum);
        }
        for (int column = 0; column < columns; column++) {
            lines.append(',').append((float) (Math.exp(samples.output(sample, column) - maximum) / sum));
        }
    }

    private void describeValues(EvaluatedSamples samples, int sample) {
        for (int column = 0; column < columns; column++) {
            lines.append(',').append(samples.value(sample, column));
        }
        for (int column = 0; column < columns; column++) {
            lines.append(',').append(samples.output(sample, column));
        }
    }
}
