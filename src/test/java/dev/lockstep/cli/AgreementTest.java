package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.Communicator;
import dev.lockstep.device.OutOfDeviceMemoryException;
import dev.lockstep.testing.RankThreads;
import java.time.Duration;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

class AgreementTest {
    private static final Duration LIMIT = Duration.ofSeconds(20);

    @Test
    void shouldGiveEachRankItsOwnResult() {
        RankThreads.run(3, LIMIT, communicator -> assertEquals(communicator.rank() * 10,
                Agreement.onAllRanks(communicator, () -> communicator.rank() * 10)));
    }

    @Test
    void shouldThrowOnEveryRankWhatOneRankFound() {
        String host = Machine.hostName();
        expect("no file b (found by rank 1 on host " + host + ")",
                rank -> rank == 0 ? null : new InvalidInputException("no file " + "abc".charAt(rank)));
        expect("not enough memory: 5 bytes; make the model or the batch smaller (found by rank 2 on host " + host + ")",
                rank -> rank == 2
                        ? new OutOfDeviceMemoryException("not enough memory: 5 bytes; make the model or the batch smaller")
                        : null);
    }

    @Test
    void shouldNotNameARankForWhatAllFound() {
        expect("no file a", rank -> new InvalidInputException("no file a"));
    }

    /** A fault of the program is not the user's: it is left to end the job. */
    @Test
    void shouldNotCatchOtherExceptions() {
        IllegalStateException fault = new IllegalStateException("a fault");
        RankThreads.run(1, LIMIT, communicator -> assertSame(fault,
                assertThrows(IllegalStateException.class, () -> step(communicator, rank -> fault))));
    }

    private static void expect(String message, IntFunction<RuntimeException> failure) {
        RankThreads.run(3, LIMIT, communicator -> assertEquals(message,
                assertThrows(InvalidInputException.class, () -> step(communicator, failure)).getMessage()));
    }

    private static void step(Communicator communicator, IntFunction<RuntimeException> failure) {
        Agreement.onAllRanks(communicator, () -> {
            RuntimeException mine = failure.apply(communicator.rank());
            if (mine != null) {
                throw mine;
            }
            return 0;
        });
    }
}
