package dev.lockstep.comm.mpi;

import dev.lockstep.comm.AllReduce;
import dev.lockstep.comm.CommunicationException;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.CommunicatorContract;
import dev.lockstep.comm.HostMemory;
import dev.lockstep.comm.SteadyStateAllocation;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.cpu.CpuDevice;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

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
                case "shared" -> sharedMemory(communicator);
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

    /** Sums in shared memory and by MPI, started and not, all of them to come out as they should. */
    private static void sharedMemory(Communicator communicator) {
        int count = 300_001;
        Device another = new CpuDevice(1);
        try (Device device = new CpuDevice(1)) {
            HostMemory others = communicator.shareMemory((long) count * Float.BYTES).memory().orElseThrow();
            ByteBuffer other = another.register(others.address(), others.bytes(), others::close).orElseThrow().hostView();
            AllReduce otherSum = communicator.prepareAllReduce(other);
            HostMemory memory = communicator.shareMemory((long) count * Float.BYTES).memory().orElseThrow();
            DeviceBuffer all = device.register(memory.address(), memory.bytes(), () -> { }).orElseThrow();
            ByteBuffer[] buffers = {all.slice(0, 200_000).hostView(), floats(1000), all.slice(200_000, 100_000).hostView(),
                all.slice(300_000, 1).hostView()};
            AllReduce[] sums = new AllReduce[buffers.length];
            Arrays.setAll(sums, i -> communicator.prepareAllReduce(buffers[i]));
            for (int round = 0; round < 100; round++) {
                if (round < 10) {
                    fill(other, communicator.rank() + round);
                    otherSum.run();
                    requireAll(other, communicator.size() * (communicator.size() - 1) / 2 + communicator.size() * round);
                } else if (round == 10) {
                    another.close();
                }
                for (int i = 0; i < sums.length; i++) {
                    fill(buffers[i], (communicator.rank() + 1) * (round + i));
                    if (round % 3 > 0) {
                        sums[i].start();
                    }
                }
                for (AllReduce sum : sums) {
                    if (round % 3 > 0) {
                        sum.await();
                    } else {
                        sum.run();
                    }
                }
                for (int i = 0; i < sums.length; i++) {
                    requireAll(buffers[i], communicator.size() * (communicator.size() + 1) / 2 * (round + i));
                }
            }
        }
    }

    private static void fill(ByteBuffer floats, float value) {
        for (int at = 0; at < floats.capacity(); at += Float.BYTES) {
            floats.putFloat(at, value);
        }
    }

    private static void requireAll(ByteBuffer floats, float value) {
        for (int at = 0; at < floats.capacity(); at += Float.BYTES) {
            if (floats.getFloat(at) != value) {
                throw new AssertionError("at byte " + at + " is " + floats.getFloat(at) + ", not " + value);
            }
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
