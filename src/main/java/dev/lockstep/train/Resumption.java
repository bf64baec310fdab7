package dev.lockstep.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.lockstep.InvalidInputException;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import dev.lockstep.job.ScheduleConfig;
import dev.lockstep.job.ValidationConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * What {@code --resume} finds in a run's folder.
 *
 * @param checkpoint to go on from; empty to begin at the start
 * @param notices    what the user is to know of it, a line each
 */
public record Resumption(Optional<Checkpoint> checkpoint, List<String> notices) {
    private static final YAMLMapper YAML = new YAMLMapper();
    private static final String ZERO = "0";

    /** They have no bearing on what is computed, or say where things are; data of another size is found all the same. */
    private static final List<String> MAY_CHANGE = List.of("name", "train.epochs", "checkpoint.", "log.", "timeout",
            "threads", "gpu-sharing", "data.train.images", "data.train.labels", "data.train.files", "data.test",
            "data.validation", "validation", "metrics");
    /** With another value the parameters, or the place in the epoch's order, would mean something else. */
    private static final List<String> MUST_NOT_CHANGE = List.of("seed", "model", "loss", "train.shuffle",
            "train.drop-last", "data.train.");

    /**
     * Looks for the newest checkpoint that is whole.
     *
     * @param runFolder    may not exist
     * @param trainSamples of the training data
     * @param warnings     hears of damaged checkpoints, a line each
     * @throws InvalidInputException if the checkpoint was made by a job that this one cannot go on with, naming the key
     */
    public static Resumption find(Path runFolder, Job job, int ranks, int trainSamples, Consumer<String> warnings) {
        return find(runFolder, job, ranks, trainSamples, warnings, Checkpoint::openWhole);
    }

    /** As above, for who reads each file only once: the tensors' files may still turn out to be damaged as they are read. */
    public static Resumption findUnread(Path runFolder, Job job, int ranks, int trainSamples, Consumer<String> warnings) {
        return find(runFolder, job, ranks, trainSamples, warnings, Checkpoint::open);
    }

    private static Resumption find(Path runFolder, Job job, int ranks, int trainSamples, Consumer<String> warnings,
            Function<Path, Checkpoint> open) {
        List<String> damaged = new ArrayList<>();
        Path checkpoints = RunFolder.checkpoints(runFolder);
        Optional<Checkpoint> newest = CheckpointFolder.newest(checkpoints, damaged, open);
        damaged.forEach(warnings);
        List<String> notices = newest.isEmpty()
                ? List.of("from the start: there is no" + (damaged.isEmpty() ? "" : " whole") + " checkpoint in " + checkpoints)
                : notices(newest.get(), job, ranks, trainSamples);
        return new Resumption(newest, notices);
    }

    private static List<String> notices(Checkpoint checkpoint, Job job, int ranks, int trainSamples) {
        CheckpointState state = checkpoint.state();
        Position position = state.position();
        List<String> changes = changes(state.parseJob(checkpoint.folder(), List.of()), job, checkpoint.folder());
        if (state.trainSamples() != trainSamples) {
            throw refused("data.train holds " + trainSamples + " samples", checkpoint.folder(), state.trainSamples());
        }
        List<String> notices = new ArrayList<>();
        notices.add("from " + checkpoint.folder() + ": " + position.step() + " steps are done, " + state.epochsCompleted()
                + " of " + job.train().epochs() + " epochs");
        if (!changes.isEmpty()) {
            notices.add("changed since then: " + String.join(", ", changes));
        }
        if (state.ranks() != ranks) {
            long batch = job.train().stepSamples(ranks);
            long before = (long) state.ranks() * state.batchSize();
            long left = Math.max(0, trainSamples - position.consumed());
            notices.add("with " + ranks + (ranks == 1 ? " rank" : " ranks") + ", not " + state.ranks() + ": the "
                    + (position.consumed() == 0 ? "" : left + " samples left of epoch " + position.epoch()
                            + " are dealt out anew, none twice; the ")
                    + "global batch is " + batch + (batch == before ? " as before"
                            : ", not " + before + (before % ((long) ranks * job.train().accumulate()) != 0 ? ""
                                    : " (train.global-batch: " + before + " would keep it)"))
                    + (job.schedule().scaleLr() == ScheduleConfig.ScaleLr.LINEAR
                            ? "; learning rates are scaled by " + ranks + ", not " + state.ranks() : ""));
        }
        String monitor = position.validation().monitor();
        job.validation().map(ValidationConfig::monitorName).filter(now -> !monitor.isEmpty() && !now.equals(monitor))
                .ifPresent(now -> notices.add("validation.monitor is " + now + ", not " + monitor
                        + ": the best validation is looked for anew"));
        bestNotKept(checkpoint.folder().resolveSibling(CheckpointWriter.BEST), position.validation(), job)
                .ifPresent(notices::add);
        return notices;
    }

    /** What a better validation than those whose checkpoints were kept leaves of these. */
    private static Optional<String> bestNotKept(Path link, ValidationProgress progress, Job job) {
        return job.validation().filter(ValidationConfig::keepBest)
                .filter(now -> progress.isOf(now.monitorName()) && progress.bestCheckpoint().isEmpty())
                .map(now -> "the best validation, after step " + progress.bestStep() + ", was not kept; until one is better, "
                        + (Files.exists(link) ? "checkpoints/best is an older one" : "there is no checkpoints/best"));
    }

    /** {@code "optimizer.sgd.lr from 0.1 to 0.05"}, of the keys that bear on what is computed. */
    private static List<String> changes(Job before, Job now, Path checkpoint) {
        if (!before.optimizer().key().equals(now.optimizer().key())) {
            throw refused("the optimizer is " + now.optimizer().key(), checkpoint, before.optimizer().key());
        }
        Map<String, String> old = keys(before);
        Map<String, String> current = keys(now);
        TreeSet<String> all = new TreeSet<>(old.keySet());
        all.addAll(current.keySet());
        List<String> changes = new ArrayList<>();
        for (String key : all) {
            String from = old.getOrDefault(key, "not set");
            String to = current.getOrDefault(key, "not set");
            if (from.equals(to) || startsWith(MAY_CHANGE, key)) {
                continue;
            }
            boolean otherState = key.startsWith("optimizer.") && (!old.containsKey(key) || !current.containsKey(key))
                    || key.endsWith(".momentum") && (from.equals(ZERO) || to.equals(ZERO));
            if (otherState || startsWith(MUST_NOT_CHANGE, key)) {
                throw refused(key + " is " + to, checkpoint, from);
            }
            changes.add(key + " from " + from + " to " + to);
        }
        return changes;
    }

    private static boolean startsWith(List<String> prefixes, String key) {
        return prefixes.stream().anyMatch(key::startsWith);
    }

    private static InvalidInputException refused(String now, Path checkpoint, Object before) {
        return new InvalidInputException("--resume: " + now + ", but " + checkpoint + " was made with " + before
                + "; set it back, or start anew with another --output");
    }

    /** Dotted keys of the resolved job to their values. */
    private static Map<String, String> keys(Job job) {
        Map<String, String> keys = new TreeMap<>();
        try {
            flatten("", YAML.readTree(JobFile.toYaml(job)), keys);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a job that is no YAML: " + job, e);
        }
        return keys;
    }

    private static void flatten(String path, JsonNode node, Map<String, String> keys) {
        if (node.isObject()) {
            node.properties().forEach(entry -> flatten(path.isEmpty() ? entry.getKey() : path + "." + entry.getKey(),
                    entry.getValue(), keys));
        } else {
            keys.put(path, node.isValueNode() ? node.asText() : node.toString().replace("\"", ""));
        }
    }
}
