package dev.lockstep.comm.channel;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What this rank has heard from others. Used by the channel's thread. */
final class RankTable {
    private final List<String> hosts;
    /** By rank; null for one that this rank does not hear of. */
    private final RankView.Link[] links;
    private final long[] sinceNanos;
    private final Heartbeat[] beats;

    private RankTable(List<String> hosts, long nowNanos) {
        this.hosts = hosts;
        links = new RankView.Link[hosts.size()];
        sinceNanos = new long[hosts.size()];
        beats = new Heartbeat[hosts.size()];
        Arrays.fill(sinceNanos, nowNanos);
        Arrays.fill(beats, Heartbeat.NONE);
    }

    /** On rank 0, where all others are awaited. */
    static RankTable ofRank0(List<String> hosts, long nowNanos) {
        RankTable table = new RankTable(hosts, nowNanos);
        Arrays.fill(table.links, RankView.Link.AWAITED);
        table.links[0] = RankView.Link.OWN;
        return table;
    }

    /** On another, which hears of rank 0 alone. */
    static RankTable of(int rank, List<String> hosts, long nowNanos) {
        RankTable table = new RankTable(hosts, nowNanos);
        table.links[0] = RankView.Link.CONNECTED;
        table.links[rank] = RankView.Link.OWN;
        return table;
    }

    RankView.Link link(int rank) {
        return links[rank];
    }

    void heard(int rank, long nowNanos) {
        sinceNanos[rank] = nowNanos;
        if (links[rank] == RankView.Link.AWAITED) {
            links[rank] = RankView.Link.CONNECTED;
        }
    }

    void beat(int rank, Heartbeat beat) {
        beats[rank] = beat;
    }

    void left(int rank) {
        links[rank] = RankView.Link.LEFT;
    }

    /** Its connection has ended; nothing new of a rank that has left. */
    void closed(int rank, long nowNanos) {
        if (links[rank] == RankView.Link.CONNECTED) {
            links[rank] = RankView.Link.CLOSED;
            sinceNanos[rank] = nowNanos;
        }
    }

    /** Whether no rank that has ever been there has yet to say that it is done, or has failed to. */
    boolean haveLeft() {
        return Arrays.stream(links).noneMatch(link -> link == RankView.Link.CONNECTED || link == RankView.Link.CLOSED);
    }

    List<RankView> views(long nowNanos) {
        List<RankView> views = new ArrayList<>();
        for (int rank = 0; rank < links.length; rank++) {
            if (links[rank] != null) {
                views.add(new RankView(rank, hosts.get(rank), links[rank], nowNanos - sinceNanos[rank], beats[rank]));
            }
        }
        return views;
    }
}
