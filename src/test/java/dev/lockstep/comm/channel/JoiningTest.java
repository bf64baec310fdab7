package dev.lockstep.comm.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class JoiningTest {
    private static final Duration LONG = Duration.ofSeconds(50);
    /** Rank 0 is busy for longer than any of these, but for the last. */
    private static final Joining.Limits SHORT = new Joining.Limits(50_000_000L, 200_000_000L, LONG.toNanos());
    private static final long BUSY_NANOS = 600_000_000L;

    /** Until it has read the first frame, or the proof, on which it lets the rank in. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void shouldWaitForABusyRank0OnOneConnection(int frames) throws Exception {
        try (ChannelThreads channel = new ChannelThreads(2, LONG); SlowLink link = new SlowLink(channel.address, frames)) {
            CompletableFuture<Spoke> joining = join(channel, link.address());
            link.hold(BUSY_NANOS);
            link.release();
            ChannelThreads.closeAll(List.of(await(joining), channel.hub));
            assertEquals(1, link.connections());
            assertEquals(List.of(), List.copyOf(channel.failures));
        }
    }

    /** As rank 0 does with one that takes long to prove itself. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void shouldTryAgainWhereABusyRank0HasClosedTheConnection(int frames) throws Exception {
        try (ChannelThreads channel = new ChannelThreads(2, LONG); SlowLink link = new SlowLink(channel.address, frames)) {
            CompletableFuture<Spoke> joining = join(channel, link.address());
            link.hold(BUSY_NANOS);
            link.cut();
            link.release();
            ChannelThreads.closeAll(List.of(await(joining), channel.hub));
            assertEquals(List.of(), List.copyOf(channel.failures));
        }
    }

    @Test
    void shouldTryTheNextAddressWhereOneConnectsAndIsSilent() throws Exception {
        InetAddress other = InetAddress.getByName("127.0.0.2");
        try (ChannelThreads channel = new ChannelThreads(2, LONG);
                ServerSocket silent = new ServerSocket(channel.address.getPort(), 0, other)) {
            Invitation invitation = new Invitation("h", channel.token.bytes(), silent.getLocalPort(),
                    List.of(other, channel.address.getAddress()));
            Spoke rank = Joining.connect(invitation, settings(), SHORT);
            ChannelThreads.closeAll(List.of(rank, channel.hub));
            assertEquals(List.of(), List.copyOf(channel.failures));
        }
    }

    /** The kernel connects for a process that is stopped. */
    @Test
    void shouldFailWhereRank0IsSilentForTooLong() throws Exception {
        try (ServerSocket stopped = new ServerSocket(0, 0, InetAddress.getLoopbackAddress())) {
            Invitation invitation = ChannelThreads.invitation(new Token(Token.random(Token.BYTES)),
                    (InetSocketAddress) stopped.getLocalSocketAddress());
            Joining.Limits limits = new Joining.Limits(50_000_000L, 200_000_000L, 500_000_000L);
            RankFailedException failure = assertThrows(RankFailedException.class,
                    () -> Joining.connect(invitation, settings(), limits));
            assertTrue(failure.getMessage().matches("rank 0 on host a: silent for [0-9.]+ s, so it was stopped, or its host"
                    + " or the link to it is down"), failure::getMessage);
            assertTrue(failure.isHostLost());
        }
    }

    @Test
    void shouldWaitForAsLongAsTheJobsTimeoutAndForSlowRanks() {
        assertEquals(Duration.ofMinutes(5).toNanos(), Joining.Limits.of(settings(Duration.ofMinutes(5))).silenceNanos());
        assertEquals(Duration.ofSeconds(30).toNanos(), Joining.Limits.of(settings(Duration.ofSeconds(1))).silenceNanos());
    }

    private static CompletableFuture<Spoke> join(ChannelThreads channel, InetSocketAddress address) {
        CompletableFuture<Spoke> joined = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                joined.complete(Joining.connect(ChannelThreads.invitation(channel.token, address), settings(), SHORT));
            } catch (Exception e) {
                joined.completeExceptionally(e);
            }
        }, "joining");
        thread.setDaemon(true);
        thread.start();
        return joined;
    }

    private static Spoke await(CompletableFuture<Spoke> joining) throws Exception {
        return joining.get(ChannelThreads.LIMIT.toSeconds(), TimeUnit.SECONDS);
    }

    private static Settings settings() {
        return settings(LONG);
    }

    private static Settings settings(Duration timeout) {
        return new Settings(1, List.of("a", "b"), timeout, () -> Heartbeat.NONE, failure -> { });
    }
}
