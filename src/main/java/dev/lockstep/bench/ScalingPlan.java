package dev.lockstep.bench;

import dev.lockstep.InvalidInputException;
import dev.lockstep.data.DistributedSampler;
import dev.lockstep.job.DataSource;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import dev.lockstep.job.ScalingConfig;
import dev.lockstep.job.ScalingConfig.Kind;
import dev.lockstep.job.ScalingConfig.Launcher;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Which runs a scaling benchmark makes on an allocation, and what each is told.
 *
 * @param launcher       MPIRUN or SRUN
 * @param ranks          ascending
 * @param baseRanks      one of them, that efficiency is relative to
 * @param coresByNode    of each machine; of all together where only that is known
 * @param coresPerRank   the same for each number of ranks, or a run on few ranks would compute with the cores that one on
 *                       many has for its other ranks
 * @param samplesPerRank of synthetic data, where the batch a rank is fixed
 */
public record ScalingPlan(ScalingConfig config, Launcher launcher, List<Integer> ranks, int baseRanks,
        List<Integer> coresByNode, int coresPerRank, OptionalInt samplesPerRank) {

    /** Beginnings of the names of variables that decide how the ranks compute and communicate; none tells who measures. */
    private static final List<String> STEERING = List.of("OMPI_MCA_", "PRTE_MCA_", "PMIX_MCA_", "UCX_", "OMP_", "LOCKSTEP_",
            "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "DNNL_", "CUDA_", "NVIDIA_", "SLURM_JOB_ID", "SLURM_JOB_NUM_NODES",
            "SLURM_JOB_CPUS_PER_NODE", "SLURM_NTASKS", "SLURM_CPU_BIND");

    /**
     * One run.
     *
     * @param repeat counted from 1
     */
    public record Turn(int ranks, int repeat) {
    }

    /**
     * @param job that the config names, with the config's settings
     * @throws InvalidInputException if the ranks do not fit the batch, the base or the data
     */
    public static ScalingPlan of(ScalingConfig config, Job job, Allocation allocation) {
        List<Integer> coresByNode = config.cores().isPresent() ? List.of(config.cores().getAsInt()) : allocation.cores();
        int cores = sum(coresByNode);
        List<Integer> ranks = config.ranks();
        if (ranks.isEmpty()) {
            int most = config.cores().isPresent() ? cores : allocation.ranks();
            ranks = powersOfTwo(Math.min(most, room(coresByNode, config.coresPerRank().orElse(1))));
        }
        int baseRanks = config.baseRanks().orElse(ranks.get(0));
        if (!ranks.contains(baseRanks)) {
            throw error(config, "'base' is " + baseRanks + ", but the ranks for " + cores + " cores are " + ranks
                    + "; choose one of them, or list 'ranks'");
        }
        int largestFitting = ranks.stream().filter(count -> count <= cores).reduce((a, b) -> b).orElse(cores);
        OptionalInt samples = synthetic(job.data().train());
        ranks.forEach(count -> checkBatch(config, job, count, samples));
        Launcher launcher = config.launcher() != Launcher.AUTO ? config.launcher()
                : allocation.slurm() ? Launcher.SRUN : Launcher.MPIRUN;
        return new ScalingPlan(config, launcher, List.copyOf(ranks), baseRanks, coresByNode,
                config.coresPerRank().orElse(mostCoresPerRank(coresByNode, largestFitting)),
                config.kind() == Kind.WEAK ? samples : OptionalInt.empty());
    }

    /** Samples of the data, where the job's file says so; of any other the runs find out. */
    private static OptionalInt synthetic(DataSource data) {
        return data instanceof DataSource.Synthetic classes ? OptionalInt.of(classes.samples())
                : data instanceof DataSource.SyntheticValues values ? OptionalInt.of(values.samples()) : OptionalInt.empty();
    }

    private static void checkBatch(ScalingConfig config, Job job, int count, OptionalInt samples) {
        boolean strong = config.kind() == Kind.STRONG;
        String batch = (strong ? "'global-batch' is " : "'batch-size' is ") + config.batch();
        int accumulate = job.train().accumulate();
        long parts = strong ? (long) count * accumulate : accumulate;
        if (config.batch() % parts != 0) {
            String ranks = ScalingTable.count(count);
            throw error(config, batch + ", which " + (accumulate == 1 ? ranks : parts + " micro-batches a step (train.accumulate "
                    + accumulate + (strong ? " on " + ranks : "") + ")") + " do not divide; choose a multiple of " + parts
                    + (strong ? " or other 'ranks'" : ""));
        }
        if (!strong && (long) config.batch() * count > Integer.MAX_VALUE) {
            throw error(config, batch + " a rank, so that a step of " + count + " ranks has more than " + Integer.MAX_VALUE
                    + " samples; choose fewer of either");
        }
        if (samples.isEmpty()) {
            return;
        }
        long all = strong ? samples.getAsInt() : (long) samples.getAsInt() * count;
        if (all > Integer.MAX_VALUE) {
            throw error(config, "data.train.samples is " + samples.getAsInt() + " a rank, so that " + count
                    + " ranks have more than " + Integer.MAX_VALUE + "; choose fewer of either");
        }
        int perStep = strong ? config.batch() / count : config.batch();
        int perRank = new DistributedSampler((int) all, count, 0, false, 0, job.train().dropLast()).samplesPerRank();
        if (perStep > perRank) {
            throw error(config, batch + ": a step takes " + perStep + " samples of each of " + ScalingTable.count(count)
                    + ", which has " + perRank + ", as data.train.samples is " + samples.getAsInt()
                    + (strong ? "" : " a rank") + "; choose a smaller batch or more samples");
        }
    }

    private static InvalidInputException error(ScalingConfig config, String problem) {
        return new InvalidInputException(config.file() + ": " + problem);
    }

    /** 1, 2, 4 … at most {@code most}; never none. */
    private static List<Integer> powersOfTwo(int most) {
        return IntStream.iterate(1, count -> count <= Math.max(1, most), count -> 2 * count).boxed().toList();
    }

    private static int sum(List<Integer> cores) {
        return cores.stream().mapToInt(Integer::intValue).sum();
    }

    /** Ranks of so many cores: none has them on two machines. */
    private static int room(List<Integer> coresByNode, int coresPerRank) {
        return coresByNode.stream().mapToInt(cores -> cores / coresPerRank).sum();
    }

    private static int mostCoresPerRank(List<Integer> coresByNode, int ranks) {
        int coresPerRank = Math.max(1, sum(coresByNode) / ranks);
        while (coresPerRank > 1 && room(coresByNode, coresPerRank) < ranks) {
            coresPerRank--;
        }
        return coresPerRank;
    }

    /** Of all machines together. */
    public int cores() {
        return sum(coresByNode);
    }

    /** Whether so many ranks have not {@link #coresPerRank} cores each. */
    public boolean isOversubscribed(int count) {
        return count > room(coresByNode, coresPerRank);
    }

    /** All runs: up and down the ranks in turn, so that a drift of the machine meets few and many ranks alike. */
    public List<Turn> turns() {
        List<Turn> turns = new ArrayList<>();
        for (int repeat = 1; repeat <= config.repeats(); repeat++) {
            List<Integer> order = new ArrayList<>(ranks);
            if (repeat % 2 == 0) {
                Collections.reverse(order);
            }
            for (int count : order) {
                turns.add(new Turn(count, repeat));
            }
        }
        return turns;
    }

    /** The {@code KEY=VALUE} settings of the job for a run. */
    public List<String> settings(int count) {
        List<String> settings = new ArrayList<>(config.sets());
        // Of a step, whatever the micro-batches that the job makes of it.
        settings.add("train.global-batch=" + (config.kind() == Kind.STRONG ? config.batch() : (long) config.batch() * count));
        if (samplesPerRank.isPresent()) {
            // The steps of an epoch stay the same, too.
            settings.add("data.train.samples=" + samplesPerRank.getAsInt() * count);
        }
        return settings;
    }

    /** The arguments of {@code ./lockstep} for a run. */
    public List<String> arguments(int count) {
        List<String> arguments = new ArrayList<>(List.of("bench", "step", config.jobFile().toString()));
        settings(count).forEach(setting -> arguments.addAll(List.of("--set", setting)));
        arguments.addAll(List.of("--steps", "" + config.steps(), "--warmup", "" + config.warmupSteps(), "--json"));
        return arguments;
    }

    /** How the ranks of a run are bound, for the record. */
    public String binding(int count) {
        return bindsThemselves() ? "by launcher-arguments" : isOversubscribed(count) ? "none"
                : coresPerRank == 1 ? "1 core a rank" : coresPerRank + " cores a rank";
    }

    private boolean bindsThemselves() {
        return config.launcherArguments().stream()
                .anyMatch(argument -> argument.matches("--?(map-by|bind-to|cpu-set|cpu-bind|cpus-per-task)(=.*)?"));
    }

    /** The launcher and its arguments; what it is to start follows them. */
    public List<String> launch(int count) {
        boolean srun = launcher == Launcher.SRUN;
        List<String> words = new ArrayList<>(srun
                ? List.of("srun", "--ntasks=" + count, "--mpi=pmix", "--kill-on-bad-exit=1")
                : List.of("mpirun", "-np", "" + count));
        if (isOversubscribed(count)) {
            words.add(srun ? "--overcommit" : "--oversubscribe");
        }
        if (!bindsThemselves()) {
            if (isOversubscribed(count)) {
                words.addAll(srun ? List.of("--cpu-bind=none") : List.of("--bind-to", "none"));
            } else if (srun) {
                words.addAll(packed(count));
                words.addAll(List.of("--cpus-per-task=" + coresPerRank, "--cpu-bind=cores"));
            } else {
                words.addAll(List.of("--map-by", "slot:PE=" + coresPerRank));
            }
        }
        words.addAll(config.launcherArguments());
        return words;
    }

    /** One node full before the next has a rank, as mpirun has it: srun would spread them over the whole allocation. */
    private List<String> packed(int count) {
        List<String> words = new ArrayList<>();
        if (config.cores().isEmpty()) {
            List<Integer> largestFirst = coresByNode.stream().sorted(Comparator.reverseOrder()).toList();
            int nodes = 1;
            while (room(largestFirst.subList(0, nodes), coresPerRank) < count) {
                nodes++;
            }
            words.add("--nodes=" + nodes);
        }
        words.add("--distribution=block:block,Pack");
        return words;
    }

    /** The benchmark's file without what follows the last dot. */
    public String name() {
        String file = config.file().getFileName().toString();
        return file.lastIndexOf('.') > 0 ? file.substring(0, file.lastIndexOf('.')) : file;
    }

    /**
     * What is recorded of all that the runs have in common.
     *
     * @param command     that the user gave
     * @param job         on the base's ranks
     * @param environment of this process
     */
    public ScalingResult.Setup setup(String version, String commit, List<String> command, Job job,
            Map<String, String> environment) {
        Map<Integer, String> binding = new TreeMap<>();
        ranks.forEach(count -> binding.put(count, binding(count)));
        Map<String, String> steering = new TreeMap<>(environment);
        steering.keySet().removeIf(name -> STEERING.stream().noneMatch(name::startsWith));
        return new ScalingResult.Setup(version, commit, command, config.kind(), job.name(), config.jobFile().toString(),
                config.sets(), JobFile.toYaml(job), ranks, baseRanks, config.batch(), config.steps(), config.warmupSteps(),
                config.repeats(), launcher.name().toLowerCase(Locale.ROOT), config.launcherArguments(), cores(),
                coresPerRank, ranks.stream().filter(this::isOversubscribed).toList(), binding, steering);
    }
}
