package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.job.Job;
import java.util.List;
import java.util.OptionalInt;

/**
 * How many CPU threads a rank computes with, and why.
 *
 * @param reason completes the sentence "4 threads: …"
 */
public record Threads(int count, String reason) {
    /**
     * The job's setting, else OMP_NUM_THREADS, else the cores that the rank may use, divided by the ranks that may use
     * any of them. So ranks that mpirun has bound to cores of their own keep these to themselves, ranks bound to the
     * same socket share it, and unbound ranks share the machine.
     *
     * @param setting    of the job file; empty for {@code auto}
     * @param placements of all ranks, by rank
     */
    static Threads of(int rank, OptionalInt setting, List<Placement> placements) {
        Placement self = placements.get(rank);
        if (setting.isPresent()) {
            return new Threads(setting.getAsInt(), "set by the job");
        }
        if (self.ompNumThreads() != null && !self.ompNumThreads().isBlank()) {
            return fromOmpNumThreads(self.ompNumThreads().strip());
        }
        int sharers = sharers(self, placements);
        int count = coresOf(rank, placements);
        String cores = self.usableCores() == 1 ? "1 core" : self.usableCores() + " cores";
        if (sharers == 1) {
            return new Threads(count, cores + (self.bound() ? ", bound to no other rank" : ", used by no other rank"));
        }
        return new Threads(count, cores + " shared by " + sharers + " ranks");
    }

    /** Cores of a rank: those that it may use, divided by the ranks that may use any of them; at least 1. */
    static int coresOf(int rank, List<Placement> placements) {
        Placement self = placements.get(rank);
        return Math.max(1, self.usableCores() / sharers(self, placements));
    }

    private static int sharers(Placement self, List<Placement> placements) {
        return (int) placements.stream().filter(self::sharesCoresWith).count();
    }

    /** OpenMP allows a list, a number for each level of nesting; there is one level here. */
    private static Threads fromOmpNumThreads(String value) {
        try {
            int count = Integer.parseInt(value.split(",", 2)[0].strip());
            if (count >= 1 && count <= Job.MAX_THREADS) {
                return new Threads(count, "OMP_NUM_THREADS=" + value);
            }
        } catch (NumberFormatException e) {
            // Refused below, like a number out of range.
        }
        throw new InvalidInputException("OMP_NUM_THREADS is '" + value + "'; set it to a number from 1 to "
                + Job.MAX_THREADS + ", or unset it");
    }
}
