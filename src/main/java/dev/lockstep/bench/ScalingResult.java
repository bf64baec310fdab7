package dev.lockstep.bench;

import dev.lockstep.job.ScalingConfig;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * All that a scaling benchmark has measured: what scaling.json holds, besides the table that comes from it.
 *
 * @param kind         {@code "scaling"}
 * @param name         of the benchmark
 * @param started      as ISO 8601 has it, like {@code finished}, which is of the last run so far
 * @param loadBefore   processes that wanted to run on this machine, by the kernel's average of a minute
 * @param runs         in the order in which they were made
 * @param interrupted  the run that was under way when the user ended the benchmark; null if none was
 */
public record ScalingResult(String kind, String name, State state, String started, String finished, double loadBefore,
        Setup setup, List<ScalingRun> runs, ScalingPlan.Turn interrupted) {
    public static final String KIND = "scaling";

    /** Whether all runs were tried. */
    public enum State {
        RUNNING,
        INTERRUPTED,
        COMPLETE
    }

    /**
     * What was to be measured, and with what.
     *
     * @param version        of this program, as {@code commit}
     * @param command        that the user gave
     * @param job            on the base's ranks, as YAML with every key resolved
     * @param batch          samples a step: of all ranks in strong scaling, of each in weak
     * @param oversubscribed those of {@code ranks} that have not {@code coresPerRank} cores each
     * @param binding        of the ranks, by their number, as asked for
     * @param environment    variables that steer MPI, OpenMP or this program
     */
    public record Setup(String version, String commit, List<String> command, ScalingConfig.Kind scaling, String jobName,
            String jobFile, List<String> sets, String job, List<Integer> ranks, int baseRanks, int batch, int steps,
            int warmupSteps, int repeats, String launcher, List<String> launcherArguments, int cores, int coresPerRank,
            List<Integer> oversubscribed, Map<Integer, String> binding, Map<String, String> environment) {
        /**
         * What was set of Open MPI's parameters for these frameworks, by variables and then by the launcher's arguments:
         * {@code "coll_tuned_allreduce_algorithm=4"}.
         */
        String mpiParameters(String... frameworks) {
            List<String> set = new ArrayList<>();
            environment.forEach((name, value) -> set.add(name.replaceFirst("^OMPI_MCA_", "") + "=" + value));
            for (int i = 0; i + 2 < launcherArguments.size(); i++) {
                if (launcherArguments.get(i).matches("--?mca")) {
                    set.add(launcherArguments.get(i + 1) + "=" + launcherArguments.get(i + 2));
                }
            }
            set.removeIf(each -> Stream.of(frameworks).noneMatch(each::startsWith));
            return set.isEmpty() ? "MPI's default, where openmpi-mca-params.conf sets none" : String.join(" ", set);
        }

        private boolean isWhole() {
            return Stream.of(version, commit, command, scaling, jobName, jobFile, sets, job, ranks, launcher,
                    launcherArguments, oversubscribed, binding, environment).noneMatch(Objects::isNull)
                    && ranks.contains(baseRanks) && ranks.stream().allMatch(count -> count != null && count > 0)
                    && binding.keySet().containsAll(ranks) && repeats > 0 && batch > 0;
        }

        /** How many runs there are if all are made. */
        public int runs() {
            return ranks.size() * repeats;
        }

        /** Samples a step of all ranks. */
        public long globalBatch(int count) {
            return scaling == ScalingConfig.Kind.STRONG ? batch : (long) batch * count;
        }
    }

    /** Whether nothing is missing that the table and the report take; a file may hold anything. */
    boolean isWhole() {
        return KIND.equals(kind) && state != null && started != null && finished != null && setup != null && setup.isWhole()
                && runs != null && runs.stream().allMatch(this::isWhole);
    }

    private boolean isWhole(ScalingRun run) {
        if (run == null || run.command() == null || (run.failure() == null) == (run.result() == null)) {
            return false;
        }
        try {
            if (run.result() != null) {
                StepLine.check(run.result(), run.ranks(), setup.globalBatch(run.ranks()));
            }
            return true;
        } catch (StepLine.MalformedException e) {
            return false;
        }
    }

    /** The time as all of these are written. */
    static String now() {
        return ZonedDateTime.now().truncatedTo(ChronoUnit.SECONDS).format(DateTimeFormatter.ISO_OFFSET_DATE_TIME);
    }

    List<ScalingRun> runs(int ranks) {
        return runs.stream().filter(run -> run.ranks() == ranks).toList();
    }

    /** Why this number of ranks failed, if it did. */
    Optional<String> failure(int ranks) {
        return runs(ranks).stream().filter(run -> run.failure() != null).map(ScalingRun::failure).findFirst();
    }
}
