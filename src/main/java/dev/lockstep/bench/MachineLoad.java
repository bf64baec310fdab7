package dev.lockstep.bench;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How much slower computing and updating become as the ranks of a machine take its cores, and with them its memory and its
 * clock: as in the measured points, and between them in proportion.
 */
final class MachineLoad {
    private record Means(int count, double slowdown, double updateSecondsPerByte) {
        Means with(Means other) {
            int both = count + other.count;
            return new Means(both, (slowdown * count + other.slowdown * other.count) / both,
                    (updateSecondsPerByte * count + other.updateSecondsPerByte * other.count) / both);
        }
    }

    /** By threads ÷ cores. */
    private final TreeMap<Double, Means> byOccupancy = new TreeMap<>();

    /** @param compute of the points of one rank, which are among {@code points} and know no slowdown */
    MachineLoad(ComputeModel compute, List<StepResult> points) {
        for (StepResult point : points) {
            // Nothing runs beside forward: all sums of the step before are done.
            double slowdown = point.ranks() == 1 ? 1
                    : ComputeModel.seconds(point.operations(), "forward") / compute.seconds("forward", point.batchSize());
            double update = ComputeModel.seconds(point.operations(), "optimizer") / point.gradientBytes();
            byOccupancy.merge(occupancy(point), new Means(1, slowdown, update), Means::with);
        }
    }

    /** Threads that compute ÷ the machines' cores: those that the ranks are bound to would always be as many. */
    static double occupancy(StepResult point) {
        return (double) point.ranks() * point.threads() / point.machineCores();
    }

    /** Of computing, relative to one rank. */
    double slowdown(double occupancy) {
        return between(occupancy).slowdown;
    }

    double updateSecondsPerByte(double occupancy) {
        return between(occupancy).updateSecondsPerByte;
    }

    private Means between(double occupancy) {
        Map.Entry<Double, Means> below = byOccupancy.floorEntry(occupancy);
        Map.Entry<Double, Means> above = byOccupancy.ceilingEntry(occupancy);
        if (below == null || above == null || below.getKey().equals(above.getKey())) {
            return (below == null ? above : below).getValue();
        }
        double share = (occupancy - below.getKey()) / (above.getKey() - below.getKey());
        Means low = below.getValue();
        Means high = above.getValue();
        return new Means(1, low.slowdown + share * (high.slowdown - low.slowdown),
                low.updateSecondsPerByte + share * (high.updateSecondsPerByte - low.updateSecondsPerByte));
    }
}
