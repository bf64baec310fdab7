package dev.lockstep.job;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;

/**
 * A scaling benchmark's file with every default filled in. {@link ScalingFile} makes it and has checked each value.
 *
 * @param file of the benchmark; its name names the results
 * @param jobFile the job that is scaled
 * @param sets {@code KEY=VALUE} settings of that job, in order
 * @param ranks numbers of ranks, ascending, none twice; empty: 1, 2, 4 … up to what there are cores for
 * @param batch samples a step: of all ranks where {@code kind} is STRONG, of each where it is WEAK
 * @param steps timed in each run, after {@code warmupSteps} that are not
 * @param repeats runs of each number of ranks
 * @param baseRanks what efficiency is relative to; empty: the least of the ranks
 * @param launcherArguments for mpirun or srun, after the ones chosen here
 * @param cores of all machines together; empty: those of this one, or of Slurm's allocation
 * @param coresPerRank the same for every number of ranks; empty: such that the largest number that fits uses all cores
 * @param timeLimit of one run
 */
public record ScalingConfig(
        Path file,
        Kind kind,
        Path jobFile,
        List<String> sets,
        List<Integer> ranks,
        int batch,
        int steps,
        int warmupSteps,
        int repeats,
        OptionalInt baseRanks,
        Launcher launcher,
        List<String> launcherArguments,
        OptionalInt cores,
        OptionalInt coresPerRank,
        Duration timeLimit) {

    /** What stays the same while ranks are added: the batch of all of them, or that of each. */
    public enum Kind {
        STRONG,
        WEAK
    }

    /** What starts the ranks; AUTO is srun in a Slurm allocation and mpirun elsewhere. */
    public enum Launcher {
        AUTO,
        MPIRUN,
        SRUN
    }

    public ScalingConfig {
        sets = List.copyOf(sets);
        ranks = List.copyOf(ranks);
        launcherArguments = List.copyOf(launcherArguments);
    }
}
