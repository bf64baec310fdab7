package dev.lockstep.comm.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.CollectiveState;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class HubTest {
    /** Nothing is to take so long. */
    private static final Duration LONG = Duration.ofSeconds(50);

    @Test
    void shouldEndWithoutAWordWhereAllIsWell() throws Exception {
        ChannelThreads channel = new ChannelThreads(3, LONG);
        Spoke one = channel.join(1);
        Spoke two = channel.join(2);
        ChannelThreads.closeAll(List.of(two, channel.hub, one));
        assertEquals(List.of(), List.copyOf(channel.failures));
    }

    @Test
    void shouldRefuseARankWithAnotherToken() throws Exception {
        try (ChannelThreads channel = new ChannelThreads(2, LONG)) {
            Token other = new Token(Token.random(Token.BYTES));
            // The rank finds out first: rank 0, too, has to prove that it knows the token.
            InvalidInputException refused = assertThrows(InvalidInputException.class,
                    () -> channel.join(1, other, () -> Heartbeat.NONE, ChannelThreads.REFUSED));
            assertTrue(refused.getMessage().contains("another program listens there"), refused::getMessage);
            assertJoinsYet(channel);
        }
    }

    /** It goes on as if rank 0's proof held. */
    @Test
    void shouldRefuseAStrangerWhoClaimsToBeARank() throws Exception {
        try (ChannelThreads channel = new ChannelThreads(2, LONG); Socket stranger = connect(channel)) {
            OutputStream out = stranger.getOutputStream();
            write(out, new Handshake.Hello(1, Token.random(Token.NONCE_BYTES)).toFrame());
            assertEquals(Frame.Kind.CHALLENGE.ordinal(), stranger.getInputStream().read());
            stranger.getInputStream().readNBytes(2 + Token.NONCE_BYTES + Token.PROOF_BYTES);
            write(out, new Frame(Frame.Kind.PROOF, Token.random(Token.PROOF_BYTES)));
            assertEndsWithoutAWord(stranger);
            assertJoinsYet(channel);
        }
    }

    @Test
    void shouldRefuseRanksThatAreNone() throws Exception {
        try (ChannelThreads channel = new ChannelThreads(2, LONG)) {
            for (int rank : new int[] {0, 2, -1, Integer.MAX_VALUE}) {
                try (Socket stranger = connect(channel)) {
                    write(stranger.getOutputStream(), new Handshake.Hello(rank, Token.random(Token.NONCE_BYTES)).toFrame());
                    assertEndsWithoutAWord(stranger);
                }
            }
            assertJoinsYet(channel);
        }
    }

    @Test
    void shouldRefuseGarbage() throws Exception {
        Random random = new Random(3);
        try (ChannelThreads channel = new ChannelThreads(2, LONG)) {
            for (int round = 0; round < 50; round++) {
                byte[] garbage = new byte[1 + random.nextInt(2000)];
                random.nextBytes(garbage);
                // A frame that no stranger may send, of any length, or none at all.
                garbage[0] = (byte) (1 + random.nextInt(255));
                try (Socket stranger = connect(channel)) {
                    stranger.getOutputStream().write(garbage);
                    stranger.shutdownOutput();
                    assertEndsWithoutAWord(stranger);
                } catch (SocketException e) {
                    // Closed while it was still being written to.
                }
            }
            assertJoinsYet(channel);
        }
    }

    /** They send a byte, or none, and stay; more of them than rank 0 keeps. */
    @Test
    void shouldLetRanksInBesideStrangersThatSayNothing() throws Exception {
        List<Socket> strangers = new ArrayList<>();
        try (ChannelThreads channel = new ChannelThreads(2, LONG)) {
            for (int i = 0; i < 200; i++) {
                strangers.add(connect(channel));
                if (i % 2 == 0) {
                    strangers.get(i).getOutputStream().write(0);
                }
            }
            Spoke rank = channel.join(1);
            // Now that all ranks are there, it is nobody's turn any more.
            for (Socket stranger : strangers) {
                assertEndsWithoutAWord(stranger);
            }
            assertThrows(IOException.class, () -> connect(channel).close());
            ChannelThreads.closeAll(List.of(rank, channel.hub));
            assertEquals(List.of(), List.copyOf(channel.failures));
        } finally {
            for (Socket stranger : strangers) {
                stranger.close();
            }
        }
    }

    @Test
    void shouldRefuseASecondOfTheSameRank() throws Exception {
        ChannelThreads channel = new ChannelThreads(3, LONG);
        Spoke one = channel.join(1);
        assertThrows(InvalidInputException.class,
                () -> channel.join(1, channel.token, () -> Heartbeat.NONE, ChannelThreads.REFUSED));
        Spoke two = channel.join(2);
        ChannelThreads.closeAll(List.of(one, two, channel.hub));
        assertEquals(List.of(), List.copyOf(channel.failures));
    }

    @Test
    void shouldNameARankWhoseProcessHasEnded() throws Exception {
        try (ChannelThreads channel = new ChannelThreads(2, LONG)) {
            silentRank(channel).close();
            assertEquals("0: rank 1 on host h: its connection has closed, so it was killed or has crashed",
                    channel.awaitFailure());
        }
    }

    @Test
    void shouldNameARankThatIsSilent() throws Exception {
        Heartbeat waiting = new Heartbeat(2, 7, new CollectiveState(4, "allReduce 0 of 9 floats", true, 0));
        long begin = System.nanoTime();
        try (ChannelThreads channel = new ChannelThreads(2, Duration.ofMillis(1200), () -> waiting);
                FrameConnection rank = silentRank(channel)) {
            rank.send(new Frame(Frame.Kind.BEAT, new Heartbeat(2, 6, new CollectiveState(3, "", false, 0)).toBytes()));
            String failure = channel.awaitFailure();
            assertTrue(failure.matches("0: rank 1 on host h, epoch 2, after step 6: silent for [0-9.]+ s, so it was stopped, or"
                    + " its host or the link to it is down; rank 0 waits in allReduce 0 of 9 floats, at which rank 1 has not"
                    + " arrived"), failure);
            assertSilentFor(failure, 1.2, begin);
        }
    }

    /** Its training thread may be busy for as long as it likes: its heart beats, and nobody waits. */
    @Test
    void shouldNotTakeASlowRankForDead() throws Exception {
        Semaphore beats = new Semaphore(0);
        ChannelThreads channel = new ChannelThreads(2, Duration.ofSeconds(1));
        Spoke slow = channel.join(1, channel.token, () -> {
            beats.release();
            return new Heartbeat(1, 5, new CollectiveState(8, "", false, 0));
        });
        // At 5 a second: three times the timeout.
        assertTrue(beats.tryAcquire(15, LONG.toSeconds(), TimeUnit.SECONDS));
        ChannelThreads.closeAll(List.of(slow, channel.hub));
        assertEquals(List.of(), List.copyOf(channel.failures));
    }

    @Test
    void shouldNameALivingRankThatAnotherWaitsForTooLong() throws Exception {
        try (ChannelThreads channel = new ChannelThreads(3, Duration.ofMillis(500))) {
            Spoke awaited = channel.join(1);
            long startNanos = System.nanoTime();
            Spoke waiting = channel.join(2, channel.token, () -> new Heartbeat(1, 5,
                    new CollectiveState(10, "allGather", true, System.nanoTime() - startNanos)));
            String failure = channel.awaitFailure();
            assertTrue(failure.matches("0: rank 0 on host h, epoch 1, after step 5: alive, but awaited for [0-9.]+ s, as is rank 1; rank 2"
                    + " waits in allGather, at which ranks 0 and 1 have not arrived; if it is only slow, .*"), failure);
            ChannelThreads.closeAll(List.of(awaited, waiting, channel.hub));
        }
    }

    /** In MPI's end, after all else. */
    @Test
    void shouldNameARankThatIsSilentWhileTheOthersAreDone() throws Exception {
        try (ChannelThreads channel = new ChannelThreads(3, Duration.ofMillis(1200));
                FrameConnection silent = silentRank(channel)) {
            assertTrue(silent.socket().isOpen());
            Spoke done = channel.join(2);
            ChannelThreads.closeAll(List.of(channel.hub, done));
            String failure = channel.awaitFailure();
            assertTrue(failure.startsWith("0: rank 1 on host h: silent for "), failure);
        }
    }

    @Test
    void shouldNameRank0ThatIsSilentWhileTheOthersAreDone() throws Exception {
        try (ChannelThreads channel = new ChannelThreads(2, LONG); RankZero stopped = new RankZero(channel.token)) {
            Spoke done = Joining.connect(ChannelThreads.invitation(channel.token, stopped.address()),
                    new Settings(1, List.of("a", "b"),
                    Duration.ofSeconds(1), () -> Heartbeat.NONE, failure -> channel.failures.add(failure.getMessage())),
                    ChannelThreads.LIMITS);
            ChannelThreads.closeAll(List.of(done));
            String failure = channel.awaitFailure();
            assertTrue(failure.startsWith("rank 0 on host a: silent for "), failure);
        }
    }

    @Test
    void shouldTellTheOthersWhenRank0HasEnded() throws Exception {
        try (ChannelThreads channel = new ChannelThreads(2, LONG); RankZero killed = new RankZero(channel.token)) {
            Spoke one = Joining.connect(ChannelThreads.invitation(channel.token, killed.address()),
                    new Settings(1, List.of("a", "b"), LONG,
                    () -> new Heartbeat(1, 5, new CollectiveState(10, "barrier", false, 0)),
                    failure -> channel.failures.add(failure.getMessage())), ChannelThreads.LIMITS);
            killed.send(new Frame(Frame.Kind.BEAT, new Heartbeat(1, 4, new CollectiveState(9, "", false, 0)).toBytes()));
            killed.kill();
            assertEquals("rank 0 on host a, epoch 1, after step 4: its connection has closed, so it was killed or has crashed;"
                    + " rank 1 waits in barrier, at which rank 0 has not arrived", channel.awaitFailure());
            assertTrue(one.claim().get(30, TimeUnit.SECONDS), "nobody else is there to ask");
            one.close();
        }
    }

    @Test
    void shouldTellTheOthersWhenRank0IsSilent() throws Exception {
        long begin = System.nanoTime();
        try (ChannelThreads channel = new ChannelThreads(2, LONG); RankZero stopped = new RankZero(channel.token)) {
            Spoke one = Joining.connect(ChannelThreads.invitation(channel.token, stopped.address()),
                    new Settings(1, List.of("a", "b"),
                    Duration.ofSeconds(1), () -> Heartbeat.NONE, failure -> channel.failures.add(failure.getMessage())),
                    ChannelThreads.LIMITS);
            String failure = channel.awaitFailure();
            assertTrue(failure.startsWith("rank 0 on host a: silent for "), failure);
            assertSilentFor(failure, 1, begin);
            one.close();
        }
    }

    /** As long as it may be, in tenths of a second, and not longer than there was anything to hear. */
    private static void assertSilentFor(String failure, double seconds, long beginNanos) {
        double elapsed = (System.nanoTime() - beginNanos) * 1e-9;
        double silent = Double.parseDouble(failure.replaceAll(".*silent for ([0-9.]+) s.*", "$1"));
        assertTrue(silent >= seconds && silent <= elapsed + 0.05, failure + ", in " + elapsed + " s");
    }

    @Test
    void shouldLetOneRankSpeak() throws Exception {
        ChannelThreads channel = new ChannelThreads(3, LONG);
        Spoke one = channel.join(1);
        Spoke two = channel.join(2);
        assertTrue(two.claim().get(30, TimeUnit.SECONDS));
        assertEquals(false, one.claim().get(30, TimeUnit.SECONDS));
        assertEquals(false, channel.hub.claim().get(30, TimeUnit.SECONDS));
        ChannelThreads.closeAll(List.of(one, two, channel.hub));
    }

    /** So that none takes rank 0's own end for news. */
    @Test
    void shouldTellTheOthersBeforeRank0Speaks() throws Exception {
        try (ChannelThreads channel = new ChannelThreads(2, LONG); FrameConnection rank = silentRank(channel)) {
            assertTrue(channel.hub.claim().get(30, TimeUnit.SECONDS));
            Frame.Kind kind = RankZero.next(rank).kind();
            while (kind == Frame.Kind.BEAT) {
                kind = RankZero.next(rank).kind();
            }
            assertEquals(Frame.Kind.TAKEN, kind);
        }
    }

    private static Socket connect(ChannelThreads channel) throws IOException {
        Socket socket = new Socket(channel.address.getAddress(), channel.address.getPort());
        socket.setSoTimeout((int) ChannelThreads.LIMIT.toMillis());
        return socket;
    }

    private static void write(OutputStream out, Frame frame) throws IOException {
        out.write(RankZero.bytes(frame));
    }

    private static void assertEndsWithoutAWord(Socket stranger) throws IOException {
        try {
            assertEquals(-1, stranger.getInputStream().read());
        } catch (SocketException e) {
            // Reset: what it had sent was not even read.
        }
    }

    private static void assertJoinsYet(ChannelThreads channel) throws Exception {
        Spoke rank = channel.join(1);
        ChannelThreads.closeAll(List.of(rank, channel.hub));
        assertEquals(List.of(), List.copyOf(channel.failures));
    }

    /** Rank 1, let in, with nobody behind it. */
    private static FrameConnection silentRank(ChannelThreads channel) throws IOException {
        FrameConnection connection = new FrameConnection(SocketChannel.open(channel.address));
        Handshake.Hello hello = new Handshake.Hello(1, Token.random(Token.NONCE_BYTES));
        connection.send(hello.toFrame());
        connection.send(Handshake.answer(channel.token, hello, RankZero.next(connection)));
        assertEquals(Frame.Kind.WELCOME, RankZero.next(connection).kind());
        return connection;
    }
}
