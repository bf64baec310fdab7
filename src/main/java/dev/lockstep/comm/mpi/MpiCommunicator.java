package dev.lockstep.comm.mpi;

import dev.lockstep.comm.AllReduce;
import dev.lockstep.comm.CollectiveState;
import dev.lockstep.comm.CommunicationException;
import dev.lockstep.comm.CommunicationThread;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.DirectBuffers;
import dev.lockstep.comm.HostMemory;
import dev.lockstep.comm.HostTransfer;
import dev.lockstep.comm.Sharing;
import dev.lockstep.comm.shared.SharedMemory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import mpi.Comm;
import mpi.Intracomm;
import mpi.MPI;
import mpi.MPIException;

/**
 * The ranks that {@code mpirun} or {@code srun} started, over {@code MPI_COMM_WORLD}. One per process: MPI can be
 * initialised only once.
 */
public final class MpiCommunicator implements Communicator {
    /** MPI counts in int, and libraries have stumbled over byte counts near its end. */
    private static final int BROADCAST_PIECE_BYTES = 64 << 20;

    private static final long ABORT_MILLIS = 2_000;

    private static final Pattern OPEN_MPI_VERSION = Pattern.compile("Open MPI v?([0-9][^, ]*)");

    private final Intracomm world;
    private final int rank;
    private final int size;
    private final int localRank;
    private final int localSize;
    /** The job's number of the machine's first rank. */
    private final int lowestLocalRank;
    private final String description;
    private final int broadcastPieceBytes;
    private final SharedCore sharedCore = new SharedCore();
    private final CommunicationThread communication;
    private final List<SharedMemory> sharedMemories = new ArrayList<>();
    /** The ranks of all machines with this local rank; null where no sum has asked for them. */
    private Intracomm acrossMachines;
    private int preparedCount;
    private double[] gatheredDoubles = {};
    private ByteBuffer gatherOwn = ByteBuffer.allocateDirect(1 << 10);
    private ByteBuffer gatherAll = ByteBuffer.allocateDirect(1 << 10);
    /** MPI_Abort is not allowed any more. Written by the main thread, read by whichever aborts. */
    private volatile boolean closed;

    private MpiCommunicator(int broadcastPieceBytes) throws MPIException {
        this.broadcastPieceBytes = broadcastPieceBytes;
        world = MPI.COMM_WORLD;
        // By default MPI ends the process where an exception should come.
        world.setErrhandler(MPI.ERRORS_RETURN);
        MPI.COMM_SELF.setErrhandler(MPI.ERRORS_RETURN);
        rank = world.getRank();
        size = world.getSize();
        Intracomm machine = world.splitType(Comm.TYPE_SHARED, rank, MPI.INFO_NULL);
        machine.setErrhandler(MPI.ERRORS_RETURN);
        localRank = machine.getRank();
        localSize = machine.getSize();
        int[] lowest = {rank};
        machine.bcast(lowest, 1, MPI.INT, 0);
        lowestLocalRank = lowest[0];
        machine.free();
        description = shortVersion(MPI.getLibVersion());
        communication = new CommunicationThread("lockstep-comm", rank, size, sharedCore);
    }

    /** Whether this process was started as a rank of an MPI job, by the environment that its launcher gave it. */
    public static boolean launchedByMpi(Map<String, String> environment) {
        return environment.containsKey("OMPI_COMM_WORLD_SIZE") || environment.containsKey("PMIX_RANK");
    }

    /**
     * Initialises MPI. Collective; call it, and later {@link #close}, on the main thread.
     *
     * @throws CommunicationException if MPI cannot be loaded or initialised, or allows too few threads
     */
    public static MpiCommunicator init(String[] arguments) {
        return init(arguments, BROADCAST_PIECE_BYTES);
    }

    static MpiCommunicator init(String[] arguments, int broadcastPieceBytes) {
        try {
            int granted = MPI.InitThread(arguments, MPI.THREAD_MULTIPLE);
            // Collectives come from the main and from the communication thread, never at once.
            if (granted < MPI.THREAD_SERIALIZED) {
                throw new CommunicationException("this MPI library allows calls from the main thread only"
                        + " (level " + granted + ", wanted " + MPI.THREAD_MULTIPLE
                        + "): use an Open MPI that is built with thread support");
            }
            return new MpiCommunicator(broadcastPieceBytes);
        } catch (MPIException e) {
            throw new CommunicationException("MPI did not start: " + e.getMessage(), e);
        } catch (LinkageError e) {
            throw new CommunicationException(
                    "Open MPI's Java bindings did not load (" + e.getMessage()
                            + "): put the folder of libmpi_java.so on java.library.path or LD_LIBRARY_PATH",
                    e);
        }
    }

    /** {@code "Open MPI 4.1.4"}; a library that calls itself otherwise by its own first words. */
    static String shortVersion(String libraryVersion) {
        Matcher matcher = OPEN_MPI_VERSION.matcher(libraryVersion);
        return matcher.find() ? "Open MPI " + matcher.group(1) : libraryVersion.split("[,\n]", 2)[0].strip();
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
        return localRank;
    }

    @Override
    public int localSize() {
        return localSize;
    }

    @Override
    public void setCoreShared(boolean shared) {
        sharedCore.setShared(shared);
    }

    @Override
    public Sharing<? extends HostMemory> shareMemory(long bytes) {
        sharedMemories.removeIf(SharedMemory::isClosed);
        Sharing<SharedMemory> sharing = SharedMemory.of(this, lowestLocalRank, bytes);
        sharing.memory().ifPresent(sharedMemories::add);
        if (acrossMachines == null && sharing.memory().filter(SharedMemory::spansMachines).isPresent()) {
            communication.runOnCaller("split by local rank", () -> {
                acrossMachines = world.split(localRank, rank);
                acrossMachines.setErrhandler(MPI.ERRORS_RETURN);
            });
        }
        return sharing;
    }

    @Override
    public String description() {
        return description;
    }

    @Override
    public AllReduce prepareAllReduce(String name, ByteBuffer floats, HostTransfer transfer) {
        int count = DirectBuffers.requireFloats(floats);
        String operation = AllReduce.operation(preparedCount, count, name);
        return prepare(operation, transfer, sharedMemories.stream().filter(memory -> memory.contains(floats)).findFirst()
                .map(memory -> sharedSum(memory, floats))
                .orElse(() -> world.allReduce(floats, count, MPI.FLOAT, MPI.SUM)));
    }

    @Override
    public AllReduce prepareAllReduceOfDoubles(String name, ByteBuffer doubles, HostTransfer transfer) {
        int count = DirectBuffers.requireDoubles(doubles);
        return prepare(AllReduce.operation(preparedCount, count + " doubles", name), transfer,
                () -> world.allReduce(doubles, count, MPI.DOUBLE, MPI.SUM));
    }

    private CommunicationThread.Collective sharedSum(SharedMemory memory, ByteBuffer floats) {
        SharedMemory.Sum sum = memory.prepare(floats);
        if (!memory.spansMachines()) {
            return () -> sum.run(!sharedCore.isContended());
        }
        int partCount = sum.part().capacity() / Float.BYTES;
        return () -> {
            sum.sumPart(!sharedCore.isContended());
            if (partCount > 0) {
                acrossMachines.allReduce(sum.part(), partCount, MPI.FLOAT, MPI.SUM);
            }
            sum.finish(!sharedCore.isContended());
        };
    }

    private AllReduce prepare(String operation, HostTransfer transfer, CommunicationThread.Collective sum) {
        AllReduce reduction = communication.prepare(operation, () -> {
            transfer.fetch();
            sum.run();
            transfer.store();
        });
        preparedCount++;
        return reduction;
    }

    @Override
    public void broadcast(ByteBuffer bytes, int root) {
        DirectBuffers.requireDirect(bytes);
        Objects.checkIndex(root, size);
        communication.runOnCaller("broadcast of " + bytes.capacity() + " bytes from rank " + root, () -> {
            int pieceBytes;
            for (int offset = 0; offset < bytes.capacity(); offset += pieceBytes) {
                pieceBytes = Math.min(broadcastPieceBytes, bytes.capacity() - offset);
                // The bindings see where a buffer begins, not its position.
                world.bcast(bytes.slice(offset, pieceBytes), pieceBytes, MPI.BYTE, root);
            }
        });
    }

    /**
     * {@inheritDoc}
     *
     * <p>Gathers and then sums by rank, as MPI_Allreduce promises neither an order nor the same bits on all ranks, and
     * its algorithm changes with length and library. What is summed here is a handful of statistics.
     */
    @Override
    public void allReduceSum(double[] values) {
        communication.runOnCaller("allReduceSum of " + values.length + " doubles", () -> {
            int gatheredCount = Math.multiplyExact(size, values.length);
            if (gatheredDoubles.length < gatheredCount) {
                gatheredDoubles = new double[gatheredCount];
            }
            double[] byRank = gatheredDoubles; // [size, values.length]
            world.allGather(values, values.length, MPI.DOUBLE, byRank, values.length, MPI.DOUBLE);
            for (int i = 0; i < values.length; i++) {
                double sum = byRank[i];
                for (int at = i + values.length; at < gatheredCount; at += values.length) {
                    sum += byRank[at];
                }
                values[i] = sum;
            }
        });
    }

    @Override
    public void allReduceMin(double[] values) {
        communication.runOnCaller("allReduceMin of " + values.length + " doubles",
                () -> world.allReduce(values, values.length, MPI.DOUBLE, MPI.MIN));
    }

    @Override
    public List<byte[]> allGather(byte[] bytes) {
        byte[][] gathered = new byte[size][];
        communication.runOnCaller("allGather of " + bytes.length + " bytes", () -> {
            int[] lengths = new int[size];
            world.allGather(new int[] {bytes.length}, 1, MPI.INT, lengths, 1, MPI.INT);
            int[] offsets = new int[size];
            for (int r = 1; r < size; r++) {
                offsets[r] = Math.addExact(offsets[r - 1], lengths[r - 1]);
            }
            // The bindings multiply where they are to add up the size of an array's copy, and write behind its end.
            gatherOwn = atLeast(gatherOwn, bytes.length);
            gatherAll = atLeast(gatherAll, Math.addExact(offsets[size - 1], lengths[size - 1]));
            gatherOwn.put(0, bytes);
            world.allGatherv(gatherOwn, bytes.length, MPI.BYTE, gatherAll, lengths, offsets, MPI.BYTE);
            for (int r = 0; r < size; r++) {
                gathered[r] = new byte[lengths[r]];
                gatherAll.get(offsets[r], gathered[r]);
            }
        });
        return List.of(gathered);
    }

    /** Kept from call to call, as the garbage collector is slow to give direct buffers back. */
    private static ByteBuffer atLeast(ByteBuffer kept, int bytes) {
        return kept.capacity() >= bytes ? kept : ByteBuffer.allocateDirect(bytes);
    }

    @Override
    public CollectiveState state() {
        return communication.state();
    }

    @Override
    public void barrier() {
        communication.waitOnCaller("barrier", world::barrier);
    }

    /** {@inheritDoc} Does not return. */
    @Override
    public void abort(int exitStatus) {
        try {
            if (!closed) {
                Thread aborting = new Thread(() -> abortWorld(exitStatus), "lockstep-abort");
                aborting.setDaemon(true);
                aborting.start();
                TimeUnit.MILLISECONDS.timedJoin(aborting, ABORT_MILLIS);
            }
        } catch (InterruptedException | Error e) {
            System.err.println("lockstep: MPI_Abort was cut short: " + e);
        } finally {
            // MPI may itself be what hangs. The launcher ends the other ranks when it sees this one gone.
            Runtime.getRuntime().halt(exitStatus);
        }
    }

    private void abortWorld(int exitStatus) {
        try {
            world.abort(exitStatus);
        } catch (MPIException e) {
            System.err.println("lockstep: MPI_Abort failed: " + e.getMessage());
        }
    }

    /**
     * {@inheritDoc} After a failed collective MPI is left as it is, since its end waits for all ranks: the caller's
     * next step is {@link #abort}.
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            if (!communication.hasFailed()) {
                communication.runOnCaller("MPI_Finalize", MPI::Finalize);
            }
        } catch (CommunicationException e) {
            System.err.println("lockstep: " + e.getMessage());
        }
        communication.close();
    }
}
