package dev.lockstep.cli;

import dev.lockstep.comm.Communicator;
import java.util.List;
import java.util.SortedSet;
import java.util.stream.Collectors;

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
 * @param machineCores  of the whole machine, whatever the rank is bound to
 * @param ompNumThreads the environment variable, or null
 */
record Placement(int rank, String host, String bootId, long processId, int localRank, int localSize,
        SortedSet<Integer> cpus, SortedSet<Integer> cores, boolean bound, int usableCores, int machineCores,
        String ompNumThreads) {

    static Placement of(Communicator communicator, Machine machine, String host, String ompNumThreads) {
        // The JVM takes the control group's CPU quota into account.
        int usableCores = Math.min(machine.cores().size(), Runtime.getRuntime().availableProcessors());
        return new Placement(communicator.rank(), host, machine.bootId().isEmpty() ? host : machine.bootId(),
                ProcessHandle.current().pid(), communicator.localRank(), communicator.localSize(), machine.cpus(),
                machine.cores(), machine.cpus().size() < machine.onlineCpus(), usableCores,
                machine.onlineCores(), ompNumThreads);
    }

    /** Collective: the placements of all ranks, by rank. */
    List<Placement> gather(Communicator communicator) {
        return Agreement.gather(communicator, this);
    }

    /** How many hosts MPI takes these ranks to run on: several may be one machine. */
    static int hosts(List<Placement> all) {
        return (int) all.stream().filter(placement -> placement.localRank() == 0).count();
    }

    /** Cores that these ranks may use together: with more ranks than that, they take turns. */
    static int usableCores(List<Placement> all) {
        return all.stream().collect(Collectors.groupingBy(Placement::bootId)).values().stream()
                .mapToInt(Placement::usableCoresOfMachine).sum();
    }

    /** Cores that the machines of these ranks have together. */
    static int machineCores(List<Placement> all) {
        return all.stream().collect(Collectors.toMap(Placement::bootId, Placement::machineCores, Math::max)).values()
                .stream().mapToInt(Integer::intValue).sum();
    }

    private static int usableCoresOfMachine(List<Placement> all) {
        int cores = (int) all.stream().flatMap(placement -> placement.cores().stream()).distinct().count();
        // A control group's limit is one for all of its ranks.
        return all.stream().filter(placement -> placement.usableCores() < placement.cores().size())
                .mapToInt(Placement::usableCores).max().stream().map(limit -> Math.min(limit, cores)).findAny()
                .orElse(cores);
    }

    /** Whether both run on one machine and may use the same core. */
    boolean sharesCoresWith(Placement other) {
        return bootId.equals(other.bootId) && cores.stream().anyMatch(other.cores::contains);
    }
}
