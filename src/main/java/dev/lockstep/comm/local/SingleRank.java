package dev.lockstep.comm.local;

import dev.lockstep.comm.AllReduce;
import dev.lockstep.comm.CollectiveState;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.DirectBuffers;
import dev.lockstep.comm.HostTransfer;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;

/** A job of one rank, without MPI: every sum is there before it is asked for, but the order of calls is held to. */
public final class SingleRank implements Communicator {
    private int underWay;

    @Override
    public int rank() {
        return 0;
    }

    @Override
    public int size() {
        return 1;
    }

    @Override
    public int localRank() {
        return 0;
    }

    @Override
    public int localSize() {
        return 1;
    }

    @Override
    public String description() {
        return "one rank without MPI";
    }

    @Override
    public AllReduce prepareAllReduce(String name, ByteBuffer floats, HostTransfer transfer) {
        DirectBuffers.requireFloats(floats);
        requireNothingUnderWay();
        return new OwnSum();
    }

    @Override
    public AllReduce prepareAllReduceOfDoubles(String name, ByteBuffer doubles, HostTransfer transfer) {
        DirectBuffers.requireDoubles(doubles);
        requireNothingUnderWay();
        return new OwnSum();
    }

    @Override
    public void broadcast(ByteBuffer bytes, int root) {
        DirectBuffers.requireDirect(bytes);
        Objects.checkIndex(root, size());
        requireNothingUnderWay();
    }

    @Override
    public void allReduceSum(double[] values) {
        requireNothingUnderWay();
    }

    @Override
    public void allReduceMin(double[] values) {
        requireNothingUnderWay();
    }

    @Override
    public List<byte[]> allGather(byte[] bytes) {
        requireNothingUnderWay();
        return List.of(bytes.clone());
    }

    @Override
    public CollectiveState state() {
        return CollectiveState.NONE;
    }

    @Override
    public void barrier() {
        requireNothingUnderWay();
    }

    @Override
    public void abort(int exitStatus) {
        Runtime.getRuntime().halt(exitStatus);
    }

    @Override
    public void close() {}

    private void requireNothingUnderWay() {
        if (underWay != 0) {
            throw new IllegalStateException(underWay + " reductions are started and not yet awaited");
        }
    }

    private final class OwnSum implements AllReduce {
        private boolean started;

        @Override
        public void start() {
            if (started) {
                throw new IllegalStateException("allReduce started twice without an await in between");
            }
            started = true;
            underWay++;
        }

        @Override
        public void await() {
            if (!started) {
                throw new IllegalStateException("allReduce awaited without a start");
            }
            started = false;
            underWay--;
        }

        @Override
        public boolean isDone() {
            return started;
        }

        @Override
        public void run() {
            requireNothingUnderWay();
        }
    }
}
