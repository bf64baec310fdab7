package dev.lockstep.comm.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.comm.CollectiveState;
import org.junit.jupiter.api.Test;

class HeartbeatTest {
    @Test
    void shouldArriveAsItWasSent() {
        Heartbeat beat = new Heartbeat(3, 1L << 40, new CollectiveState(1L << 50, "allReduce 2 (\u00e4)", true, 17));
        assertEquals(beat, Heartbeat.of(beat.toBytes()));
        assertEquals(Heartbeat.NONE, Heartbeat.of(Heartbeat.NONE.toBytes()));
    }

    @Test
    void shouldFitInAFrameWhateverTheOperationIsCalled() {
        String name = "\u00e4".repeat(100_000);
        byte[] bytes = new Heartbeat(3, 4, new CollectiveState(5, name, false, 6)).toBytes();
        assertTrue(Frame.Kind.BEAT.allows(bytes.length));
        Heartbeat beat = Heartbeat.of(bytes);
        assertTrue(name.startsWith(beat.collective().operation()) && beat.collective().isInside(), beat::toString);
        assertEquals(new Heartbeat(3, 4, new CollectiveState(5, beat.collective().operation(), false, 6)), beat);
    }
}
