package dev.lockstep.comm.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.testing.RankThreads;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ChannelTest {
    private static final Duration LIMIT = Duration.ofSeconds(50);

    @Test
    void shouldLetOneOfAllRanksSpeakAndEndInPeace() {
        Queue<String> failures = new ConcurrentLinkedQueue<>();
        AtomicInteger speakers = new AtomicInteger();
        RankThreads.run(4, LIMIT, c -> {
            Channel channel = Channel.open(c, "host" + c.rank(), Map.of(), LIMIT, new Progress(),
                    failure -> failures.add(failure.getMessage()));
            channel.invite();
            channel.join();
            c.barrier();
            if (channel.claim(LIMIT)) {
                speakers.incrementAndGet();
            }
            c.barrier();
            channel.close();
        });
        assertEquals(1, speakers.get());
        assertEquals(List.of(), List.copyOf(failures));
    }

    /** Where one fails before they are connected. */
    @Test
    void shouldLetAnyRankSpeakBeforeItHasJoined() {
        RankThreads.run(2, LIMIT, c -> {
            Channel channel = Channel.open(c, "h", Map.of(), LIMIT, new Progress(), failure -> { });
            channel.invite();
            assertTrue(channel.claim(LIMIT));
        });
    }

    @Test
    void shouldTryOneAddressAfterTheOther() throws Exception {
        try (ChannelThreads channel = new ChannelThreads(2, LIMIT)) {
            InetAddress nobody = InetAddress.getByName("127.0.0.2");
            Spoke rank = Joining.connect(invitation(channel.token, channel.address.getPort(), nobody,
                    channel.address.getAddress()), settings(), ChannelThreads.LIMITS);
            ChannelThreads.closeAll(List.of(rank, channel.hub));
            assertEquals(List.of(), List.copyOf(channel.failures));
        }
    }

    @Test
    void shouldSayThatRank0CannotBeReached() throws IOException {
        InetAddress loopback = InetAddress.getByName("127.0.0.1");
        int port;
        try (ServerSocketChannel listener = ServerSocketChannel.open().bind(new InetSocketAddress(loopback, 0))) {
            port = listener.socket().getLocalPort();
        }
        Token token = new Token(Token.random(Token.BYTES));
        assertEquals("rank 1 on host b cannot reach rank 0 on host a by TCP at port " + port + " (127.0.0.1: Connection refused);"
                + " let the hosts of a job reach each other",
                assertThrows(InvalidInputException.class,
                        () -> Joining.connect(invitation(token, port, loopback), settings(), ChannelThreads.REFUSED))
                        .getMessage());
        assertTrue(assertThrows(InvalidInputException.class,
                () -> Joining.connect(invitation(token, port), settings(), ChannelThreads.REFUSED))
                .getMessage().contains("(it has no address)"));
    }

    private static Invitation invitation(Token token, int port, InetAddress... addresses) {
        Invitation sent = new Invitation("a", token.bytes(), port, List.of(addresses));
        return Invitation.of(sent.toBytes());
    }

    private static Settings settings() {
        return new Settings(1, List.of("a", "b"), LIMIT, () -> Heartbeat.NONE, failure -> { });
    }
}
