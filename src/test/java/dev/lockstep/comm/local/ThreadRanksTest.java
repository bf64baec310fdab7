package dev.lockstep.comm.local;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.lockstep.comm.AllReduce;
import dev.lockstep.comm.CollectiveState;
import dev.lockstep.comm.CommunicationException;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.CommunicatorContract;
import dev.lockstep.comm.SteadyStateAllocation;
import dev.lockstep.testing.RankThreads;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class ThreadRanksTest {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    @TestFactory
    Stream<DynamicTest> shouldHoldToTheContract() {
        return IntStream.rangeClosed(1, 4).boxed().flatMap(ranks -> CommunicatorContract.checks().stream()
                .map(check -> dynamicTest(
                        check.name() + " with " + ranks, () -> RankThreads.run(ranks, LIMIT, check::run))));
    }

    @Test
    void shouldAllocateNothingInSteadyState() {
        RankThreads.run(2, LIMIT, c -> SteadyStateAllocation.assertNone(c, "lockstep-comm-" + c.rank()));
    }

    /** Rank 1 looks at rank 0, and only then joins what rank 0 waits in. */
    @Test
    void shouldTellWhereARankIsAmongItsCollectives() {
        List<Communicator> ranks = ThreadRanks.create(2);
        RankThreads.run(2, LIMIT, c -> {
            Communicator own = ranks.get(c.rank());
            assertEquals(CollectiveState.NONE, own.state());
            c.barrier();
            if (c.rank() == 1) {
                awaitUntil(() -> ranks.get(0).state().isInside());
                CollectiveState first = ranks.get(0).state();
                assertEquals(new CollectiveState(1, "allGather", true, first.nanos()), first);
                awaitUntil(() -> ranks.get(0).state().nanos() > first.nanos());
                assertEquals(0, own.state().number(), "rank 1 has not arrived");
            }
            own.allGather(new byte[1]);
            assertEquals(new CollectiveState(1, "", false, 0), own.state());
            if (c.rank() == 1) {
                awaitUntil(() -> ranks.get(0).toString().contains("rank 0 is in barrier"));
                CollectiveState second = ranks.get(0).state();
                assertEquals(new CollectiveState(2, "barrier", false, second.nanos()), second);
            }
            own.barrier();
        });
        ranks.parallelStream().forEach(Communicator::close);
    }

    private static void awaitUntil(BooleanSupplier condition) {
        long end = System.nanoTime() + LIMIT.toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, "waited for rank 0 to be seen waiting");
            Thread.onSpinWait();
        }
    }

    @Test
    void shouldSumInTheOrderOfTheRanks() {
        float[] values = {1e8f, -1e8f, 1f};
        RankThreads.run(3, LIMIT, c -> {
            ByteBuffer floats = floats(1).putFloat(0, values[c.rank()]);
            c.prepareAllReduce(floats).run();
            assertEquals(1f, floats.getFloat(0));
        });
    }

    @Test
    void shouldNameRanksWhoseLengthsDiffer() {
        RankThreads.run(2, LIMIT, c -> {
            AllReduce reduction = c.prepareAllReduce(floats(4 + c.rank()));
            reduction.start();
            String message =
                    assertThrows(CommunicationException.class, reduction::await).getMessage();
            assertTrue(message.contains("rank 0 is in allReduce 0 of 4 floats"), message);
            assertTrue(message.contains("rank 1 is in allReduce 0 of 5 floats"), message);
        });
    }

    @Test
    void shouldNameRanksWhoseOrderDiffers() {
        RankThreads.run(2, LIMIT, c -> {
            AllReduce[] reductions = {c.prepareAllReduce(floats(4)), c.prepareAllReduce(floats(4))};
            reductions[c.rank()].start();
            String message = assertThrows(CommunicationException.class, reductions[c.rank()]::await)
                    .getMessage();
            assertTrue(message.contains("rank 0 is in allReduce 0") && message.contains("rank 1 is in allReduce 1"));
        });
    }

    @Test
    void shouldRunNothingAfterAFailure() {
        RankThreads.run(2, LIMIT, c -> {
            AllReduce first = c.prepareAllReduce(floats(1 + c.rank()));
            AllReduce second = c.prepareAllReduce(floats(3));
            first.start();
            second.start();
            CommunicationException failure = assertThrows(CommunicationException.class, first::await);
            CommunicationException next = assertThrows(CommunicationException.class, second::await);
            assertTrue(next.getMessage().contains("not run after a failure"), next.getMessage());
            assertSame(failure, next.getCause());
            assertThrows(CommunicationException.class, c::barrier);
        });
    }

    @Test
    void shouldWakeAllWaitersOnAbort() {
        RankThreads.run(3, LIMIT, c -> {
            if (c.rank() == 2) {
                c.abort(7);
                return;
            }
            AllReduce reduction = c.prepareAllReduce(floats(1));
            reduction.start();
            String message =
                    assertThrows(CommunicationException.class, reduction::await).getMessage();
            assertTrue(message.contains("rank 2 aborted the job with exit status 7"), message);
        });
    }

    @Test
    void shouldReduceWhileTheCallerIsBusy() {
        CountDownLatch bothDone = new CountDownLatch(2);
        RankThreads.run(2, LIMIT, c -> {
            AllReduce reduction = c.prepareAllReduce(floats(1));
            reduction.start();
            while (!reduction.isDone()) {
                Thread.onSpinWait();
            }
            bothDone.countDown();
            // Neither rank awaits before both reductions are through.
            assertTrue(bothDone.await(10, TimeUnit.SECONDS));
            reduction.await();
        });
    }

    @Test
    void shouldKeepTheInterruptOfAWaitingCaller() {
        CountDownLatch interrupted = new CountDownLatch(1);
        RankThreads.run(2, LIMIT, c -> {
            AllReduce reduction = c.prepareAllReduce(floats(1));
            if (c.rank() == 0) {
                Thread.currentThread().interrupt();
                interrupted.countDown();
            } else {
                assertTrue(interrupted.await(10, TimeUnit.SECONDS));
            }
            reduction.start();
            reduction.await();
            assertEquals(c.rank() == 0, Thread.interrupted());
        });
    }

    @Test
    void shouldRefuseWorkOnceClosed() {
        RankThreads.run(2, LIMIT, c -> {
            AllReduce reduction = c.prepareAllReduce(floats(1));
            c.close();
            assertThrows(IllegalStateException.class, reduction::start);
            assertThrows(IllegalStateException.class, c::barrier);
        });
    }

    @Test
    void shouldFinishStartedReductionsOnClose() {
        RankThreads.run(2, LIMIT, c -> {
            ByteBuffer floats = floats(1).putFloat(0, 1);
            c.prepareAllReduce(floats).start();
            c.close();
            assertEquals(2, floats.getFloat(0));
        });
    }

    @Test
    void shouldSayWhichRankIsMissingWhenTheTimeIsOver() {
        CountDownLatch never = new CountDownLatch(1);
        AssertionError error = assertThrows(
                AssertionError.class,
                () -> RankThreads.run(2, Duration.ofSeconds(1), c -> {
                    if (c.rank() == 0) {
                        c.barrier();
                    } else {
                        never.await(10, TimeUnit.SECONDS);
                    }
                }));
        never.countDown();
        assertTrue(error.getMessage().contains("rank 0 is in barrier, rank 1 is in no collective"), error.getMessage());
        assertTrue(error.getMessage().contains("CountDownLatch.await"), error.getMessage());
    }

    private static ByteBuffer floats(int count) {
        return ByteBuffer.allocateDirect(count * Float.BYTES).order(ByteOrder.nativeOrder());
    }
}
