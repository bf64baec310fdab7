package dev.lockstep.ddp;

import dev.lockstep.comm.AllReduce;
import dev.lockstep.comm.CollectiveState;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.DirectBuffers;
import dev.lockstep.comm.HostTransfer;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Rank 1 of two ranks whose numbers are always the same: a sum doubles. It keeps every reduction for as long as it may,
 * to the await, and writes down what is asked of it.
 */
final class LateCommunicator implements Communicator {
    private final List<String> events;
    private int preparedCount;

    LateCommunicator(List<String> events) {
        this.events = events;
    }

    @Override
    public int rank() {
        return 1;
    }

    @Override
    public int size() {
        return 2;
    }

    @Override
    public int localRank() {
        return 1;
    }

    @Override
    public int localSize() {
        return 2;
    }

    @Override
    public String description() {
        return "late";
    }

    @Override
    public AllReduce prepareAllReduceOfDoubles(String name, ByteBuffer doubles, HostTransfer transfer) {
        throw new UnsupportedOperationException("only gradients come late");
    }

    @Override
    public AllReduce prepareAllReduce(String name, ByteBuffer floats, HostTransfer transfer) {
        int count = DirectBuffers.requireFloats(floats);
        int index = preparedCount++;
        return new AllReduce() {
            private boolean started;

            @Override
            public void start() {
                events.add("start " + index);
                started = true;
            }

            @Override
            public void await() {
                if (!started) {
                    throw new IllegalStateException("awaited without a start");
                }
                events.add("await " + index);
                started = false;
                sum();
            }

            @Override
            public boolean isDone() {
                return false;
            }

            @Override
            public void run() {
                events.add("run " + index);
                sum();
            }

            private void sum() {
                transfer.fetch();
                for (int i = 0; i < count; i++) {
                    floats.putFloat(i * Float.BYTES, 2 * floats.getFloat(i * Float.BYTES));
                }
                transfer.store();
            }
        };
    }

    @Override
    public void broadcast(ByteBuffer bytes, int root) {
        events.add("broadcast from " + root);
    }

    @Override
    public void allReduceMin(double[] values) {
        // Both ranks' are the same.
    }

    @Override
    public void allReduceSum(double[] values) {
        for (int i = 0; i < values.length; i++) {
            values[i] *= 2;
        }
    }

    @Override
    public List<byte[]> allGather(byte[] bytes) {
        return List.of(bytes, bytes);
    }

    @Override
    public CollectiveState state() {
        return CollectiveState.NONE;
    }

    @Override
    public void barrier() {
        events.add("barrier");
    }

    @Override
    public void abort(int exitStatus) {
        throw new AssertionError("aborted with " + exitStatus);
    }

    @Override
    public void close() {}
}
