package dev.lockstep.comm.channel;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * Finds what is wrong, if anything is, and says it in one line. A rank is gone when its connection closes, and lost when it is
 * silent for longer than the job's timeout. A living rank is at fault where others wait for it in a collective for longer
 * than that.
 *
 * @param timeoutNanos   the job's limit for waiting in a collective
 * @param joiningNanos   after which a rank that has never been heard of counts as lost
 * @param silenceNanos   after which another does
 * @param settlingNanos  after a connection's end until judgement: the other ranks are heard once more until then
 */
record Diagnosis(long timeoutNanos, long joiningNanos, long silenceNanos, long settlingNanos) {
    /** @param hostLost whether nothing is heard of any rank of some other host */
    record Finding(String message, boolean hostLost) {
    }

    /** Empty while all is well. */
    Optional<Finding> of(List<RankView> ranks) {
        List<RankView> gone = select(ranks, rank -> rank.link() == RankView.Link.CLOSED);
        if (!gone.isEmpty()) {
            // Until then nothing else is said: those who wait for it are not at fault.
            return gone.get(0).sinceNanos() < settlingNanos ? Optional.empty()
                    : Optional.of(new Finding(
                            line(gone, ": its connection has closed, so it was killed or has crashed", ranks), false));
        }
        List<RankView> silent = select(ranks, this::isLost);
        if (!silent.isEmpty()) {
            return Optional.of(new Finding(line(silent, ": silent for " + seconds(silent.get(0).sinceNanos())
                    + ", so it was stopped, or its host or the link to it is down", ranks), isHostLost(ranks)));
        }
        return ranks.stream().filter(this::waitsTooLong).findFirst()
                .map(rank -> new Finding(overdue(rank, ranks), false));
    }

    private boolean isHostLost(List<RankView> ranks) {
        return ranks.stream().map(RankView::host).distinct().anyMatch(host -> ranks.stream()
                .filter(rank -> rank.host().equals(host)).allMatch(this::isLost));
    }

    private boolean isLost(RankView rank) {
        return rank.link() == RankView.Link.CONNECTED && rank.sinceNanos() >= silenceNanos
                || rank.link() == RankView.Link.AWAITED && rank.sinceNanos() >= joiningNanos;
    }

    private boolean waitsTooLong(RankView rank) {
        return rank.link() != RankView.Link.LEFT && rank.beat().collective().isInside() && rank.beat().collective().limited()
                && rank.beat().collective().nanos() >= timeoutNanos;
    }

    private static String overdue(RankView waiting, List<RankView> ranks) {
        List<RankView> missing = select(ranks, rank -> !rank.hasArrivedAt(waiting.beat().collective().number()));
        String waited = seconds(waiting.beat().collective().nanos());
        return missing.isEmpty()
                ? waiting.describe() + ": waits for " + waited + " in " + waiting.beat().collective().operation()
                        + ", at which all ranks have arrived: the network between them, or a GPU, does not answer"
                : line(missing, ": alive, but awaited for " + waited, ranks) + "; if it is only slow, raise timeout";
    }

    private static String line(List<RankView> culprits, String what, List<RankView> ranks) {
        RankView first = culprits.get(0);
        String others = culprits.size() == 1 ? ""
                : ", as " + (culprits.size() == 2 ? "is " : "are ") + names(culprits.subList(1, culprits.size()));
        return first.describe() + what + others + waiting(ranks);
    }

    /** Who waits, in what, for whom; empty where nobody does. */
    private static String waiting(List<RankView> ranks) {
        long latest = ranks.stream().filter(rank -> rank.beat().collective().isInside())
                .mapToLong(rank -> rank.beat().collective().number()).max().orElse(0);
        List<RankView> inside = select(ranks, rank -> rank.waitsIn(latest));
        if (inside.isEmpty()) {
            return "";
        }
        List<RankView> missing = select(ranks, rank -> !rank.hasArrivedAt(latest));
        return "; " + names(inside) + (inside.size() == 1 ? " waits in " : " wait in ")
                + inside.get(0).beat().collective().operation() + ", at which "
                + (missing.isEmpty() ? "all had arrived" : names(missing) + (missing.size() == 1 ? " has" : " have")
                        + " not arrived");
    }

    private static List<RankView> select(List<RankView> ranks, Predicate<RankView> predicate) {
        return ranks.stream().filter(predicate).toList();
    }

    /** {@code "ranks 0 and 2"}; of many the first few. */
    private static String names(List<RankView> ranks) {
        int named = ranks.size() <= 5 ? ranks.size() : 4;
        List<String> numbers = ranks.stream().limit(named).map(rank -> "" + rank.rank()).collect(Collectors.toList());
        if (named < ranks.size()) {
            numbers.add(ranks.size() - named + " more");
        }
        return ranks.size() == 1 ? "rank " + numbers.get(0)
                : "ranks " + String.join(", ", numbers.subList(0, numbers.size() - 1)) + " and "
                        + numbers.get(numbers.size() - 1);
    }

    private static String seconds(long nanos) {
        return String.format(Locale.ROOT, "%.1f s", nanos * 1e-9);
    }
}
