package dev.lockstep.comm.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.comm.CollectiveState;
import dev.lockstep.comm.channel.RankView.Link;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class DiagnosisTest {
    private static final long SECOND = 1_000_000_000L;
    /** Waiting is limited to 5 s, joining to 20 s, silence to 10 s; a closed connection is judged after 1 s. */
    private static final Diagnosis DIAGNOSIS = new Diagnosis(5 * SECOND, 20 * SECOND, 10 * SECOND, SECOND);
    private static final String SUM = "allReduce 2 of 100 floats (bucket 0)";

    @Test
    void shouldFindNothingWhereAllIsWell() {
        assertFinds("", rank(0, Link.OWN, 0, in(7, 1)), rank(1, Link.CONNECTED, 9, computing(6)),
                rank(2, Link.AWAITED, 19, Heartbeat.NONE), rank(3, Link.LEFT, 99, in(6, 99)));
    }

    @Test
    void shouldNameARankWhoseConnectionHasClosed() {
        assertFinds("rank 1 on host b, epoch 3, after step 40: its connection has closed, so it was killed or has crashed;"
                        + " ranks 0 and 2 wait in " + SUM + ", at which rank 1 has not arrived",
                rank(0, Link.OWN, 0, in(7, 1)), rank(1, Link.CLOSED, 1, computing(6)),
                rank(2, Link.CONNECTED, 0, in(7, 1)));
    }

    /** Rank 2 may be about to say that it waits. */
    @Test
    void shouldHearTheOthersBeforeItSpeaksOfAClosedConnection() {
        assertFinds("", rank(0, Link.OWN, 0, in(7, 99)), rank(1, Link.CLOSED, 0, computing(6)),
                rank(2, Link.CONNECTED, 99, in(7, 1)));
    }

    @Test
    void shouldNameARankThatIsSilent() {
        assertFinds("rank 1 on host b, epoch 3, after step 40: silent for 10.0 s, so it was stopped, or its host or the link to"
                        + " it is down, as are ranks 2 and 3; rank 0 waits in " + SUM
                        + ", at which ranks 1, 2 and 3 have not arrived",
                rank(0, Link.OWN, 0, in(7, 1)), rank(1, Link.CONNECTED, 10, computing(6)),
                rank(2, Link.CONNECTED, 11, computing(6)), rank(3, Link.CONNECTED, 10, computing(5)));
    }

    @Test
    void shouldNameARankThatNeverJoined() {
        assertFinds("rank 1 on host b: silent for 20.0 s, so it was stopped, or its host or the link to it is"
                        + " down", rank(0, Link.OWN, 0, Heartbeat.NONE), rank(1, Link.AWAITED, 20, Heartbeat.NONE));
    }

    @Test
    void shouldNameALivingRankThatOthersWaitForTooLong() {
        assertFinds("rank 1 on host b, epoch 3, after step 40: alive, but awaited for 5.0 s; ranks 0 and 2 wait in " + SUM
                        + ", at which rank 1 has not arrived; if it is only slow, raise timeout",
                rank(0, Link.OWN, 0, in(7, 4)), rank(1, Link.CONNECTED, 0, computing(6)),
                rank(2, Link.CONNECTED, 0, in(7, 5)));
    }

    @Test
    void shouldSayWhereAllRanksAreInsideTheSameCollective() {
        assertFinds("rank 1 on host b, epoch 3, after step 40: waits for 5.0 s in " + SUM + ", at which all ranks have arrived:"
                        + " the network between them, or a GPU, does not answer",
                rank(0, Link.OWN, 0, in(7, 4)), rank(1, Link.CONNECTED, 0, in(7, 5)));
    }

    @Test
    void shouldLetRanksWaitInABarrierForAnyTime() {
        Heartbeat inBarrier = new Heartbeat(3, 40, new CollectiveState(7, "barrier", false, 99 * SECOND));
        assertFinds("", rank(0, Link.OWN, 0, inBarrier), rank(1, Link.CONNECTED, 0, computing(6)));
    }

    @Test
    void shouldSayWhetherALostRankHadArrivedItself() {
        assertFinds("rank 1 on host b, epoch 3, after step 40: its connection has closed, so it was killed or has crashed;"
                        + " ranks 0 and 1 wait in " + SUM + ", at which all had arrived",
                rank(0, Link.OWN, 0, in(7, 1)), rank(1, Link.CLOSED, 1, in(7, 1)));
    }

    @Test
    void shouldNotListHundredsOfRanks() {
        List<RankView> ranks = new ArrayList<>(List.of(rank(0, Link.OWN, 0, computing(7))));
        for (int rank = 1; rank < 200; rank++) {
            ranks.add(rank(rank, Link.CONNECTED, 10, computing(6)));
        }
        assertFinds("rank 1 on host b, epoch 3, after step 40: silent for 10.0 s, so it was stopped, or its host or the link to"
                + " it is down, as are ranks 2, 3, 4, 5 and 194 more", ranks.toArray(RankView[]::new));
    }

    @Test
    void shouldTellALostHostFromALostRank() {
        RankView own = rank(0, Link.OWN, 0, computing(7));
        RankView silent = rank(1, Link.CONNECTED, 10, computing(7));
        assertTrue(DIAGNOSIS.of(List.of(own, silent)).orElseThrow().hostLost());
        RankView well = rank(2, Link.CONNECTED, 0, computing(7));
        assertFalse(DIAGNOSIS.of(List.of(own, silent, well)).orElseThrow().hostLost());
        RankView killed = rank(1, Link.CLOSED, 10, computing(7));
        assertFalse(DIAGNOSIS.of(List.of(own, killed)).orElseThrow().hostLost(), "its kernel has answered");
    }

    private static void assertFinds(String line, RankView... ranks) {
        assertEquals(line, DIAGNOSIS.of(List.of(ranks)).map(Diagnosis.Finding::message).orElse(""));
    }

    private static RankView rank(int rank, Link link, long seconds, Heartbeat beat) {
        return new RankView(rank, rank == 0 ? "a" : "b", link, seconds * SECOND, beat);
    }

    private static Heartbeat in(long number, long seconds) {
        return new Heartbeat(3, 40, new CollectiveState(number, SUM, true, seconds * SECOND));
    }

    private static Heartbeat computing(long number) {
        return new Heartbeat(3, 40, new CollectiveState(number, "", false, 0));
    }
}
