package dev.lockstep.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What ranks can be started on: this machine, or what Slurm has given.
 *
 * @param slurm whether this is inside an allocation of Slurm
 * @param cores by machine; in Slurm, its CPUs
 * @param ranks the most that are foreseen: Slurm's tasks where it was told a number, else one a core
 */
public record Allocation(boolean slurm, List<Integer> cores, int ranks) {
    /** As in {@code SLURM_JOB_CPUS_PER_NODE=16(x2),8}: the CPUs of a node, and of how many nodes. */
    private static final Pattern CPUS_PER_NODE = Pattern.compile("([0-9]+)(?:\\(x([0-9]+)\\))?");

    /**
     * @param environment of this process
     * @param coresHere   that this process may use
     */
    public static Allocation detect(Map<String, String> environment, int coresHere) {
        if (!environment.containsKey("SLURM_JOB_ID")) {
            return new Allocation(false, List.of(coresHere), coresHere);
        }
        List<Integer> cores = new ArrayList<>();
        Matcher nodes = CPUS_PER_NODE.matcher(environment.getOrDefault("SLURM_JOB_CPUS_PER_NODE", ""));
        while (nodes.find()) {
            int count = nodes.group(2) == null ? 1 : Integer.parseInt(nodes.group(2));
            cores.addAll(Collections.nCopies(count, Integer.parseInt(nodes.group(1))));
        }
        if (cores.isEmpty()) {
            cores.add(coresHere);
        }
        String tasks = environment.getOrDefault("SLURM_NTASKS", "");
        int all = cores.stream().mapToInt(Integer::intValue).sum();
        return new Allocation(true, List.copyOf(cores),
                tasks.matches("[1-9][0-9]{0,8}") ? Integer.parseInt(tasks) : all);
    }
}
