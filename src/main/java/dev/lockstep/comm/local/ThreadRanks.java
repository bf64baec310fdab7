package dev.lockstep.comm.local;

import dev.lockstep.comm.AllReduce;
import dev.lockstep.comm.CollectiveState;
import dev.lockstep.comm.CommunicationThread;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.DirectBuffers;
import dev.lockstep.comm.HostTransfer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.DoubleBinaryOperator;
import java.util.stream.IntStream;

/**
 * Threads of one process as the ranks of a job: the same communication thread, order and blocking as over MPI, and
 * stricter than MPI in that ranks out of step are told so. Sums are taken in the order of the ranks.
 */
public final class ThreadRanks {
    private ThreadRanks() {}

    /** Communicators of a new job, by rank; each for a thread of its own. */
    public static List<Communicator> create(int ranks) {
        if (ranks < 1) {
            throw new IllegalArgumentException("a job has at least one rank, not " + ranks);
        }
        Rendezvous rendezvous = new Rendezvous(ranks);
        return IntStream.range(0, ranks)
                .<Communicator>mapToObj(rank -> new ThreadRank(rank, ranks, rendezvous))
                .toList();
    }

    private static final class ThreadRank implements Communicator {
        private final int rank;
        private final int size;
        private final Rendezvous rendezvous;
        private final CommunicationThread communication;
        private int preparedCount;
        private boolean closed;

        ThreadRank(int rank, int size, Rendezvous rendezvous) {
            this.rank = rank;
            this.size = size;
            this.rendezvous = rendezvous;
            communication = new CommunicationThread("lockstep-comm-" + rank, rank, size);
        }

        @Override
        public int rank() {
            return rank;
        }

        @Override
        public int size() {
            return size;
        }

        @Override
        public int localRank() {
            return rank;
        }

        @Override
        public int localSize() {
            return size;
        }

        @Override
        public String description() {
            return size + " ranks as threads";
        }

        @Override
        public AllReduce prepareAllReduce(String name, ByteBuffer floats, HostTransfer transfer) {
            int count = DirectBuffers.requireFloats(floats);
            FloatBuffer all =
                    floats.duplicate().clear().order(ByteOrder.nativeOrder()).asFloatBuffer();
            return prepare(AllReduce.operation(preparedCount, count, name), all, ThreadRank::sumFloats, transfer);
        }

        @Override
        public AllReduce prepareAllReduceOfDoubles(String name, ByteBuffer doubles, HostTransfer transfer) {
            int count = DirectBuffers.requireDoubles(doubles);
            DoubleBuffer all = doubles.duplicate().clear().order(ByteOrder.nativeOrder()).asDoubleBuffer();
            return prepare(AllReduce.operation(preparedCount, count + " doubles", name), all, ThreadRank::sumDoubles,
                    transfer);
        }

        private <T> AllReduce prepare(String operation, T numbers, Consumer<List<T>> sum, HostTransfer transfer) {
            AllReduce reduction = communication.prepare(operation, () -> {
                transfer.fetch();
                rendezvous.meet(rank, operation, numbers, sum);
                transfer.store();
            });
            preparedCount++;
            return reduction;
        }

        @Override
        public void broadcast(ByteBuffer bytes, int root) {
            DirectBuffers.requireDirect(bytes);
            Objects.checkIndex(root, size);
            collective("broadcast of " + bytes.capacity() + " bytes from rank " + root, bytes, buffers -> {
                ByteBuffer source = buffers.get(root).duplicate().clear();
                for (ByteBuffer target : buffers) {
                    target.duplicate().clear().put(source.duplicate());
                }
            });
        }

        @Override
        public void allReduceSum(double[] values) {
            collective("allReduceSum of " + values.length + " doubles", values, ranks -> combine(ranks, Double::sum));
        }

        @Override
        public void allReduceMin(double[] values) {
            collective("allReduceMin of " + values.length + " doubles", values, ranks -> combine(ranks, Math::min));
        }

        @Override
        public List<byte[]> allGather(byte[] bytes) {
            byte[][] gathered = new byte[size][];
            gathered[rank] = bytes;
            collective("allGather", gathered, arrays -> {
                for (byte[][] target : arrays) {
                    for (int from = 0; from < target.length; from++) {
                        target[from] = arrays.get(from)[from].clone();
                    }
                }
            });
            return List.of(gathered);
        }

        @Override
        public CollectiveState state() {
            return communication.state();
        }

        @Override
        public void barrier() {
            communication.waitOnCaller("barrier", () -> rendezvous.meet(rank, "barrier", this, all -> {}));
        }

        @Override
        public void abort(int exitStatus) {
            rendezvous.fail("rank " + rank + " aborted the job with exit status " + exitStatus);
        }

        @Override
        public void close() {
            if (closed) {
                return;
            }
            closed = true;
            communication.close();
            if (!communication.hasFailed() && !rendezvous.hasFailed()) {
                rendezvous.meet(rank, "close", this, all -> {});
            }
        }

        private <T> void collective(String operation, T contribution, Consumer<List<T>> combine) {
            communication.runOnCaller(operation, () -> rendezvous.meet(rank, operation, contribution, combine));
        }

        /** What all ranks are at. */
        @Override
        public String toString() {
            return rendezvous.toString();
        }

        private static void sumFloats(List<FloatBuffer> byRank) {
            int count = byRank.get(0).capacity();
            for (int i = 0; i < count; i++) {
                float sum = byRank.get(0).get(i);
                for (int r = 1; r < byRank.size(); r++) {
                    sum += byRank.get(r).get(i);
                }
                for (int r = 0; r < byRank.size(); r++) {
                    byRank.get(r).put(i, sum);
                }
            }
        }

        private static void sumDoubles(List<DoubleBuffer> byRank) {
            int count = byRank.get(0).capacity();
            for (int i = 0; i < count; i++) {
                double sum = byRank.get(0).get(i);
                for (int r = 1; r < byRank.size(); r++) {
                    sum += byRank.get(r).get(i);
                }
                for (int r = 0; r < byRank.size(); r++) {
                    byRank.get(r).put(i, sum);
                }
            }
        }

        private static void combine(List<double[]> byRank, DoubleBinaryOperator operator) {
            double[] result = byRank.get(0).clone();
            for (double[] values : byRank.subList(1, byRank.size())) {
                Arrays.setAll(result, i -> operator.applyAsDouble(result[i], values[i]));
            }
            for (double[] values : byRank) {
                System.arraycopy(result, 0, values, 0, result.length);
            }
        }
    }
}
