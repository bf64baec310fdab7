package dev.lockstep.bench;

import java.util.List;

/**
 * What {@code bench predict} prints with {@code --json}.
 *
 * @param kind                        {@code "prediction"}
 * @param hostLatencySeconds          of a message within a host
 * @param hostBytesPerSecond          within a host; null if never measured, as the link's
 * @param linkBytesPerSecond          between hosts; null where the links' nominal rates are known
 * @param linkGoodput                 the fraction of the nominal rate that is reached, where that is known
 * @param stolenSecondsPerHostByte    computing that is lost for a byte moved within a host
 * @param forecastLinkBytesPerSecond  nominal, of the hosts that {@code weak} and {@code strong} are predicted for
 * @param notes                       what else may make the points differ; a sentence each
 * @param mostRanks                   that are predicted: those of one host, where no fitted point is over several
 */
public record PredictionResult(String kind, double hostLatencySeconds, Double hostBytesPerSecond, double linkLatencySeconds,
        Double linkBytesPerSecond, Double linkGoodput, double stolenSecondsPerHostByte, double stolenSecondsPerLinkByte,
        List<Point> points, List<String> notes, int ranksPerHost, Double forecastLinkBytesPerSecond, int mostRanksWanted,
        int mostRanks, List<ScalingForecast.Row> weak, List<ScalingForecast.Row> strong) {
    /**
     * A measured point.
     *
     * @param fitted    whether the model was fitted on it
     * @param error     predicted ÷ measured − 1
     */
    public record Point(String name, int ranks, int hosts, int batchSize, long bucketBytes, long chunkBytes, String linkRate,
            boolean overlap, boolean fitted, double measuredSeconds, double measuredSecondsLow, double measuredSecondsHigh,
            double predictedSeconds, double error) {
        static Point of(Prediction.Comparison comparison) {
            StepResult measured = comparison.measured();
            return new Point(measured.name(), measured.ranks(), measured.hosts(), measured.batchSize(),
                    measured.bucketBytes(), measured.chunkBytes(), measured.linkRate(), measured.overlap(),
                    comparison.fitted(), measured.stepSecondsMedian(), measured.stepSecondsLow(), measured.stepSecondsHigh(),
                    comparison.predictedSeconds(), comparison.error());
        }
    }

    public static PredictionResult of(Prediction prediction, List<StepResult> measured, ScalingForecast forecast,
            int batchSize, int globalBatch, int mostRanks) {
        AllReduceModel sums = prediction.allReduce();
        return new PredictionResult("prediction", sums.host().latencySeconds(),
                sums.knowsHost() ? reciprocal(sums.host().secondsPerByte()) : null, sums.link().latencySeconds(),
                sums.knowsLink() && !sums.linkIsRelative() ? reciprocal(sums.link().secondsPerByte()) : null,
                sums.knowsLink() && sums.linkIsRelative() ? reciprocal(sums.link().secondsPerByte()) : null,
                prediction.stolenSecondsPerHostByte(), prediction.stolenSecondsPerLinkByte(),
                prediction.compare(measured).stream().map(Point::of).toList(),
                prediction.notes(measured, forecast.ranksPerHost()), forecast.ranksPerHost(),
                Double.isNaN(forecast.linkBytesPerSecond()) ? null : forecast.linkBytesPerSecond(),
                mostRanks, forecast.mostRanks(mostRanks), forecast.weak(batchSize, mostRanks),
                forecast.strong(globalBatch, mostRanks));
    }

    /** Null where it would not be finite. */
    private static Double reciprocal(double value) {
        return value > 0 ? 1 / value : null;
    }
}
