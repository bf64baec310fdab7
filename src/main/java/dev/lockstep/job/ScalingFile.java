package dev.lockstep.job;

import dev.lockstep.InvalidInputException;
import dev.lockstep.job.ScalingConfig.Kind;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Reads the files of scaling benchmarks: every key, its default, and the checks of its value. */
public final class ScalingFile {
    /** None of them is a key of a job, so that {@code --set} can set either. */
    static final Set<String> KEYS = new LinkedHashSet<>(List.of("kind", "job", "set", "ranks", "global-batch",
            "batch-size", "steps", "warmup", "repeats", "base", "launcher", "launcher-arguments", "cores",
            "cores-per-rank", "time-limit"));

    private static final String FILE_KIND = "benchmark file";
    private static final int MAX_RANKS = 1 << 20;
    private static final int MAX_STEPS = 10_000_000;
    private static final int MAX_REPEATS = 1000;
    private static final Duration MAX_TIME_LIMIT = Duration.ofDays(365);

    private final Path file;
    private final Fields fields;

    private ScalingFile(Path file, Fields fields) {
        this.file = file;
        this.fields = fields;
    }

    /**
     * Reads a benchmark file; the job's path is relative to its folder.
     *
     * @param sets {@code KEY=VALUE} options, applied in order; KEY is one of the benchmark's file or of its job's
     * @throws InvalidInputException naming the first problem found, in one line
     */
    public static ScalingConfig load(Path file, List<String> sets) {
        Location at = new Location(file.toString(), 0);
        YamlNode root = YamlReader.read(TextFile.read(file, FILE_KIND), at.source(), true)
                .orElseThrow(() -> at.error("is empty; a " + FILE_KIND + " needs at least kind, job, and global-batch or"
                        + " batch-size"));
        if (!(root instanceof YamlNode.Mapping mapping)) {
            throw root.at().error("a " + FILE_KIND + " must be a map of keys such as 'kind: strong'");
        }
        mapping.entries().forEach((key, entry) -> {
            if (JobKeys.ALL.contains(key)) {
                throw entry.at().error("key " + Text.quoted(key) + " is one of the job's; give it in the list 'set', as in"
                        + " 'set: [\"" + key + "=…\"]'");
            }
        });
        Set<String> known = Stream.concat(KEYS.stream(), JobKeys.ALL.stream())
                .collect(Collectors.toCollection(LinkedHashSet::new));
        List<String> own = sets.stream().filter(set -> !JobKeys.ALL.contains(key(set))).toList();
        List<String> ofJob = sets.stream().filter(set -> JobKeys.ALL.contains(key(set))).toList();
        YamlNode.Mapping changed = SetOption.apply(mapping, own, known);
        return new ScalingFile(file, new Fields("", changed, KEYS)).config(ofJob);
    }

    private static String key(String set) {
        return set.substring(0, Math.max(0, set.indexOf('=')));
    }

    private ScalingConfig config(List<String> moreSets) {
        Kind kind = fields.require("kind").choice(Kind.class);
        List<String> sets = new ArrayList<>(words("set", "a list of KEY=VALUE, each setting a key of the job"));
        sets.addAll(moreSets);
        sets.stream().filter(set -> Set.of("train.batch-size", "train.global-batch").contains(key(set))).findAny()
                .ifPresent(set -> {
                    throw fields.error("set", "the batch is the benchmark's, not the job's: instead of " + Text.quoted(set)
                            + " set '" + batchKey(kind) + "'");
                });
        List<Integer> ranks = ranks();
        return new ScalingConfig(
                file,
                kind,
                jobFile(fields.require("job")),
                sets,
                ranks,
                batch(kind),
                (int) fields.get("steps", "30").wholeNumber(1, MAX_STEPS),
                (int) fields.get("warmup", "5").wholeNumber(0, MAX_STEPS),
                (int) fields.get("repeats", "5").wholeNumber(1, MAX_REPEATS),
                base(ranks),
                fields.get("launcher", "auto").choice(ScalingConfig.Launcher.class),
                words("launcher-arguments", "a list of arguments for mpirun or srun"),
                count("cores"),
                count("cores-per-rank"),
                fields.get("time-limit", "10m").duration(MAX_TIME_LIMIT));
    }

    private Path jobFile(Value job) {
        String expected = "the path of a job file";
        try {
            // Not made absolute: what is recorded and printed is what can be typed again.
            Path folder = file.getParent();
            Path path = Path.of(job.text(expected));
            return (folder == null ? path : folder.resolve(path)).normalize();
        } catch (InvalidPathException e) {
            throw job.mustBe(expected + " that this system can name (" + e.getReason() + ")");
        }
    }

    private static String batchKey(Kind kind) {
        return kind == Kind.STRONG ? "global-batch" : "batch-size";
    }

    private int batch(Kind kind) {
        String key = batchKey(kind);
        String other = batchKey(kind == Kind.STRONG ? Kind.WEAK : Kind.STRONG);
        if (fields.has(other)) {
            throw fields.error(other, Text.quoted(other) + " does not go with kind " + Value.spelling(kind) + ", where '"
                    + key + "' stays the same");
        }
        return fields.require(key).wholeInt(1);
    }

    /** Ascending. */
    private List<Integer> ranks() {
        if (!fields.has("ranks") || fields.require("ranks").is("auto")) {
            return List.of();
        }
        Value list = fields.require("ranks");
        String expected = "auto or a list of numbers of ranks such as [1, 2, 4]";
        List<Integer> ranks = list.items(expected).stream()
                .map(item -> (int) item.wholeNumber(1, MAX_RANKS)).sorted().toList();
        if (ranks.isEmpty()) {
            throw list.error("'ranks' is empty; it must be " + expected);
        }
        for (int i = 1; i < ranks.size(); i++) {
            if (ranks.get(i).equals(ranks.get(i - 1))) {
                throw list.error("'ranks' holds " + ranks.get(i) + " twice; keep one");
            }
        }
        return ranks;
    }

    private OptionalInt base(List<Integer> ranks) {
        OptionalInt base = count("base");
        if (base.isPresent() && !ranks.isEmpty() && !ranks.contains(base.getAsInt())) {
            throw fields.error("base", "'base' is " + base.getAsInt() + ", which is none of 'ranks'; efficiency is relative"
                    + " to one of them");
        }
        return base;
    }

    private OptionalInt count(String key) {
        Value value = fields.get(key, "auto");
        return value.is("auto") ? OptionalInt.empty()
                : OptionalInt.of((int) value.wholeNumber(1, MAX_RANKS, " or auto"));
    }

    private List<String> words(String key, String expected) {
        return fields.find(key).map(list -> list.items(expected).stream().map(item -> item.text(expected)).toList())
                .orElse(List.of());
    }
}
