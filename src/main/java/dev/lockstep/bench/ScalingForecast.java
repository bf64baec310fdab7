package dev.lockstep.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Predicted strong and weak scaling from one rank on, by powers of two, on hosts that are filled one after the other.
 *
 * @param ranksPerHost       of a full host; the rest of it grows with them where they are more than in the fitted points
 * @param linkBytesPerSecond nominal, between hosts
 */
public record ScalingForecast(Prediction prediction, int ranksPerHost, double linkBytesPerSecond) {
    /**
     * A predicted step.
     *
     * @param predicted  true
     * @param efficiency of strong scaling: time of one rank ÷ (ranks × time); of weak: time of one rank ÷ time
     */
    public record Row(boolean predicted, int ranks, int hosts, int batchSize, long globalBatch, double stepSeconds,
            double samplesPerSecond, double efficiency) {
    }

    /** The hosts of the fitted points: as full as the fullest, with the link of the first that has one. */
    public static ScalingForecast of(Prediction prediction) {
        int ranksPerHost = prediction.fitted().stream().mapToInt(ScalingForecast::ranksPerHost).max().orElse(1);
        double link = prediction.fitted().stream().filter(point -> point.hosts() > 1).map(Prediction.Setting::of)
                .mapToDouble(Prediction.Setting::linkBytesPerSecond).findFirst().orElse(Double.NaN);
        return new ScalingForecast(prediction, ranksPerHost, link);
    }

    private static int ranksPerHost(StepResult point) {
        return (point.ranks() + point.hosts() - 1) / point.hosts();
    }

    /** Most ranks that can be predicted: those of one host where no fitted point is over several. */
    public int mostRanks(int wanted) {
        return prediction.allReduce().knowsLink() ? wanted : Math.min(wanted, ranksPerHost);
    }

    /** The same batch on each rank. */
    public List<Row> weak(int batchSize, int mostRanks) {
        List<Row> rows = new ArrayList<>();
        double alone = stepSeconds(1, batchSize);
        for (int ranks = 1; ranks <= mostRanks(mostRanks); ranks *= 2) {
            double seconds = stepSeconds(ranks, batchSize);
            rows.add(row(ranks, batchSize, seconds, alone / seconds));
        }
        return rows;
    }

    /** The same batch on all ranks together, as far as they divide it. */
    public List<Row> strong(int globalBatch, int mostRanks) {
        List<Row> rows = new ArrayList<>();
        double alone = stepSeconds(1, globalBatch);
        for (int ranks = 1; ranks <= mostRanks(mostRanks) && globalBatch % ranks == 0; ranks *= 2) {
            double seconds = stepSeconds(ranks, globalBatch / ranks);
            rows.add(row(ranks, globalBatch / ranks, seconds, alone / (ranks * seconds)));
        }
        return rows;
    }

    private Row row(int ranks, int batchSize, double seconds, double efficiency) {
        long globalBatch = (long) batchSize * ranks;
        return new Row(true, ranks, hosts(ranks), batchSize, globalBatch, seconds, globalBatch / seconds, efficiency);
    }

    private int hosts(int ranks) {
        return (ranks - 1) / ranksPerHost + 1;
    }

    private double stepSeconds(int ranks, int batchSize) {
        StepResult base = prediction.fitted().stream().filter(point -> point.ranks() == 1).findFirst().orElseThrow();
        return prediction.stepSeconds(new Prediction.Setting(ranks, hosts(ranks), batchSize, base.firstBucketBytes(),
                base.bucketBytes(), base.chunkBytes(), true, prediction.allReduce().sharesMemory(), occupancy(ranks),
                linkBytesPerSecond));
    }

    /**
     * As in the fitted points with as many ranks a host, in proportion between them and below; a host of more than these is a
     * larger one. Points of one host tell of one, those of several of several, as far as they go.
     */
    private double occupancy(int ranks) {
        int ranksHere = (ranks - 1) / hosts(ranks) + 1;
        List<StepResult> alike = prediction.fitted().stream().filter(point -> point.hosts() > 1 == hosts(ranks) > 1).toList();
        boolean reached = alike.stream().anyMatch(point -> ranksPerHost(point) >= ranksHere);
        NavigableMap<Integer, Double> byRanks = (reached ? alike : prediction.fitted()).stream().collect(Collectors.groupingBy(
                ScalingForecast::ranksPerHost, TreeMap::new, Collectors.averagingDouble(MachineLoad::occupancy)));
        Map.Entry<Integer, Double> above = byRanks.ceilingEntry(ranksHere);
        if (above == null) {
            return byRanks.lastEntry().getValue();
        }
        Map.Entry<Integer, Double> below = byRanks.lowerEntry(ranksHere);
        int fewer = below == null ? 0 : below.getKey();
        double least = below == null ? 0 : below.getValue();
        return least + (above.getValue() - least) * (ranksHere - fewer) / (above.getKey() - fewer);
    }
}
