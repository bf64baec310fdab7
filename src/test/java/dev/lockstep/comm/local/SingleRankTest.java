package dev.lockstep.comm.local;

import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.CommunicatorContract;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

class SingleRankTest {
    @TestFactory
    Stream<DynamicTest> shouldHoldToTheContract() {
        return CommunicatorContract.checks().stream().map(check -> dynamicTest(check.name(), () -> {
            try (Communicator communicator = new SingleRank()) {
                check.run(communicator);
            }
        }));
    }
}
