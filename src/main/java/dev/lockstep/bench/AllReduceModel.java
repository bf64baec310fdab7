package dev.lockstep.bench;

import dev.lockstep.InvalidInputException;
import java.util.ArrayList;
import java.util.List;

/**
 * What a sum over ranks takes: so many messages one after the other, and so many bytes, within a host and between hosts. As
 * Open MPI sums: what is small by recursive doubling, and the rest by halving and doubling (Rabenseifner), nearest ranks
 * first, so that of n bytes 2 (R−1)/R n pass within a host of R ranks, and 2 (N−1)/N n over the link of each of N hosts. In
 * memory that a host's ranks share, each of them waits twice for all others, and reads and writes n bytes.
 *
 * @param linkIsRelative whether {@code link}'s seconds per byte are those of a link that nominally carries one byte a second
 * @param sharesMemory   whether the ranks of a host do
 * @param knowsHost      whether several ranks were measured on one host, and {@code knowsLink} whether over several hosts
 */
record AllReduceModel(Level host, Level link, boolean linkIsRelative, boolean sharesMemory,
        boolean knowsHost, boolean knowsLink) {
    /** About where Open MPI 4.1 changes from one algorithm to the other. */
    private static final long SMALL_BYTES = 8 << 10;

    /** What it costs within a host, or between hosts. */
    record Level(double latencySeconds, double secondsPerByte) {
        double seconds(Cost cost) {
            return cost.messages * latencySeconds + cost.bytes * secondsPerByte;
        }
    }

    /** Messages one after the other, and the bytes in them. */
    record Cost(double messages, double bytes) {
    }

    private record Sample(Cost cost, double seconds) {
    }

    /**
     * From the chunks of measured steps.
     *
     * @throws InvalidInputException if some of the points over several hosts tell their link's rate, and others do not
     */
    static AllReduceModel fit(List<StepResult> points) {
        boolean relative = points.stream().anyMatch(point -> point.hosts() > 1 && point.linkRate() != null);
        boolean shared = points.stream().anyMatch(point -> point.hosts() < point.ranks() && sharesMemory(point));
        List<Sample> within = new ArrayList<>();
        List<Sample> between = new ArrayList<>();
        points.stream().filter(point -> point.hosts() == 1 && point.ranks() > 1)
                .forEach(point -> eachChunk(point, (bytes, seconds) -> within.add(
                        new Sample(withinHost(bytes, point.ranks(), 1, shared), seconds))));
        Level host = level(within);
        for (StepResult point : points) {
            if (point.hosts() > 1) {
                if (relative && point.linkRate() == null) {
                    throw new InvalidInputException("some of the points over several hosts were measured with --link-rate"
                            + " and some without; give it with all of them");
                }
                double rate = relative ? LinkRate.parse(point.linkRate()).bytesPerSecond() : 1;
                eachChunk(point, (bytes, seconds) -> {
                    Cost cost = betweenHosts(bytes, point.ranks(), point.hosts(), shared);
                    double left = seconds - host.seconds(withinHost(bytes, point.ranks(), point.hosts(), shared));
                    between.add(new Sample(new Cost(cost.messages, cost.bytes / rate), Math.max(left, seconds / 100)));
                });
            }
        }
        return new AllReduceModel(host, level(between), relative, shared, !within.isEmpty(), !between.isEmpty());
    }

    static boolean sharesMemory(StepResult point) {
        return StepResult.SHARED_MEMORY.equals(point.reduction());
    }

    @FunctionalInterface
    private interface ChunkTaker {
        void take(long bytes, double seconds);
    }

    private static void eachChunk(StepResult point, ChunkTaker taker) {
        for (int i = 0; i < point.chunkSeconds().length; i++) {
            if (point.chunkSeconds()[i] > 0) {
                taker.take(point.chunkBytesEach()[i], point.chunkSeconds()[i]);
            }
        }
    }

    /**
     * Least squares with nothing negative. An error counts by its square over the time, so that neither the large messages
     * decide alone, nor a small one that a link's buffer lets pass at once.
     */
    private static Level level(List<Sample> samples) {
        double mm = 0;
        double mb = 0;
        double bb = 0;
        double m = 0;
        double b = 0;
        for (Sample sample : samples) {
            mm += sample.cost.messages * sample.cost.messages / sample.seconds;
            mb += sample.cost.messages * sample.cost.bytes / sample.seconds;
            bb += sample.cost.bytes * sample.cost.bytes / sample.seconds;
            m += sample.cost.messages;
            b += sample.cost.bytes;
        }
        double determinant = mm * bb - mb * mb;
        if (determinant > 1e-9 * mm * bb) {
            double latency = (m * bb - b * mb) / determinant;
            double perByte = (b * mm - m * mb) / determinant;
            if (latency >= 0 && perByte >= 0) {
                return new Level(latency, perByte);
            }
            if (perByte < 0) {
                return new Level(m / mm, 0);
            }
        }
        // Messages of one size do not tell latency from bandwidth: it is all bandwidth then.
        return new Level(0, bb > 0 ? b / bb : 0);
    }

    /**
     * Of one sum.
     *
     * @param linkBytesPerSecond nominal; not looked at where {@code linkIsRelative} is false, or with one host
     */
    double seconds(long bytes, int ranks, int hosts, double linkBytesPerSecond) {
        double within = host.seconds(withinHost(bytes, ranks, hosts));
        if (hosts == 1) {
            return within;
        }
        Cost cost = betweenHosts(bytes, ranks, hosts);
        return within + link.seconds(linkIsRelative ? new Cost(cost.messages, cost.bytes / linkBytesPerSecond) : cost);
    }

    Cost withinHost(long bytes, int ranks, int hosts) {
        return withinHost(bytes, ranks, hosts, sharesMemory);
    }

    static Cost withinHost(long bytes, int ranks, int hosts, boolean sharesMemory) {
        int perHost = (ranks - 1) / hosts + 1;
        if (sharesMemory) {
            return perHost == 1 ? new Cost(0, 0) : new Cost(2, bytes);
        }
        return cost(bytes, perHost, bytes, perHost > 1 && !isPower(ranks));
    }

    Cost betweenHosts(long bytes, int ranks, int hosts) {
        return betweenHosts(bytes, ranks, hosts, sharesMemory);
    }

    /** Of all ranks of a host together, which share its link; with memory that they share, each sums a part over the hosts. */
    static Cost betweenHosts(long bytes, int ranks, int hosts, boolean sharesMemory) {
        int perHost = (ranks - 1) / hosts + 1;
        if (sharesMemory && perHost > 1) {
            long part = bytes / perHost;
            Cost ofPart = cost(part, hosts, part, !isPower(hosts));
            return new Cost(ofPart.messages, perHost * ofPart.bytes);
        }
        return cost(bytes, hosts, (double) perHost * bytes, perHost == 1 && !isPower(ranks));
    }

    /**
     * @param peers      that exchange at this level
     * @param smallBytes that pass in each exchange of a small message
     * @param folds      whether those beyond a power of two first hand their numbers to a neighbour, and get the sums last
     */
    private static Cost cost(long bytes, int peers, double smallBytes, boolean folds) {
        int power = Integer.highestOneBit(peers);
        int doublings = Integer.numberOfTrailingZeros(power);
        Cost cost = bytes < SMALL_BYTES ? new Cost(doublings, doublings * smallBytes)
                : new Cost(2 * doublings, 2.0 * (power - 1) / power * bytes);
        return folds ? new Cost(cost.messages + 3, cost.bytes + 2.0 * bytes) : cost;
    }

    private static boolean isPower(int number) {
        return Integer.bitCount(number) == 1;
    }
}
