package dev.lockstep.comm.mpi;

import dev.lockstep.comm.AllReduce;
import dev.lockstep.comm.CommunicationException;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.CommunicatorContract;
import dev.lockstep.comm.SteadyStateAllocation;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** What {@link MpiCommunicatorIT} runs on each rank. The first argument says what. */
public final class MpiRankMain {
    /** Small, so that the contract's broadcasts go out in several pieces. */
    private static final int BROADCAST_PIECE_BYTES = 1000;

    private MpiRankMain() {}

    public static void main(String[] arguments) {
        Communicator communicator = MpiCommunicator.init(arguments, BROADCAST_PIECE_BYTES);
        try {
            switch (arguments[0]) {
                case "contract" -> contract(communicator);
                case "allocation" -> SteadyStateAllocation.assertNone(communicator, "lockstep-comm");
                case "unequal" -> unequalLengths(communicator);
                case "abort" -> abortOnOneRank(communicator, Integer.parseInt(arguments[1]));
                default -> throw new IllegalArgumentException(arguments[0]);
            }
            communicator.close();
        } catch (Throwable e) {
            e.printStackTrace();
            communicator.abort(1);
        }
    }

    private static void contract(Communicator communicator) throws Exception {
        for (CommunicatorContract.Check check : CommunicatorContract.checks()) {
            try {
                check.run(communicator);
            } catch (Throwable e) {
                throw new AssertionError("rank " + communicator.rank() + ": " + check.name(), e);
            }
            communicator.barrier();
            if (communicator.rank() == 0) {
                System.out.println("passed " + check.name());
            }
        }
        if (communicator.rank() == 0) {
            System.out.println("over " + communicator.description());
        }
    }

    /** Of what rank 0 sends here MPI finds on rank 1 that it is too long. */
    private static void unequalLengths(Communicator communicator) {
        ByteBuffer floats = floats(communicator.rank() == 0 ? 64 : 8);
        AllReduce reduction = communicator.prepareAllReduce(floats);
        AllReduce next = communicator.prepareAllReduce(floats);
        reduction.start();
        next.start();
        try {
            reduction.await();
            next.await();
        } catch (CommunicationException e) {
            System.err.println(e.getMessage());
            communicator.abort(4);
        }
    }

    /** The last rank gives up, on a thread of its own, while all main threads wait in a collective. */
    private static void abortOnOneRank(Communicator communicator, int exitStatus) throws InterruptedException {
        AllReduce reduction = communicator.prepareAllReduce(floats(1000));
        reduction.run();
        if (communicator.rank() < communicator.size() - 1) {
            reduction.start();
            reduction.await();
        }
        Thread failing = new Thread(() -> {
            System.err.println("lockstep: error: rank " + communicator.rank() + " gives up");
            communicator.abort(exitStatus);
        });
        failing.start();
        failing.join();
    }

    private static ByteBuffer floats(int count) {
        return ByteBuffer.allocateDirect(count * Float.BYTES).order(ByteOrder.nativeOrder());
    }
}
