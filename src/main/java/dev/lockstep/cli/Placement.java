package dev.lockstep.cli;

import dev.lockstep.comm.Communicator;
import java.util.List;
import java.util.SortedSet;

/**
 * Where a rank runs.
 *
 * @param bootId        of the machine, see {@link Machine}
 * @param localRank     position among the ranks of its machine
 * @param localSize     ranks on its machine
 * @param cpus          hardware threads that it may run on
 * @param cores         their cores
 * @param bound         whether {@code cpus} are fewer than the machine has
 * @param usableCores   {@code cores.size()}, or less where a control group allows less CPU time than that
 * @param ompNumThreads the environment variable, or null
 */
record Placement(int rank, String host, String bootId, long processId, int localRank, int localSize,
        SortedSet<Integer> cpus, SortedSet<Integer> cores, boolean bound, int usableCores, String ompNumThreads) {

    static Placement of(Communicator communicator, Machine machine, String host, String ompNumThreads) {
        // The JVM takes the control group's CPU quota into account.
        int usableCores = Math.min(machine.cores().size(), Runtime.getRuntime().availableProcessors());
        return new Placement(communicator.rank(), host, machine.bootId().isEmpty() ? host : machine.bootId(),
                ProcessHandle.current().pid(), communicator.localRank(), communicator.localSize(), machine.cpus(),
                machine.cores(), machine.cpus().size() < machine.onlineCpus(), usableCores, ompNumThreads);
    }

    /** Collective: the placements of all ranks, by rank. */
    List<Placement> gather(Communicator communicator) {
        return Agreement.gather(communicator, this);
    }

    /** Whether both run on one machine and may use the same core. */
    boolean sharesCoresWith(Placement other) {
        return bootId.equals(other.bootId) && cores.stream().anyMatch(other.cores::contains);
    }
}
