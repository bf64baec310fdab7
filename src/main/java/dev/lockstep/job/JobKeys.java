package dev.lockstep.job;

import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** Every key that a job file may hold, as a dotted path. Layers are apart: they stand in a list, below {@code model}. */
final class JobKeys {
    /** The keys of CSV data that only training data has. */
    static final List<String> CSV_COLUMNS = List.of("target", "header", "delimiter", "categorical", "drop", "missing",
            "missing-values", "unknown-categories", "standardize");

    /** The keys that go with each format of a data source. */
    static final Map<String, List<String>> DATA_FORMATS = dataFormats();

    /** Paths of values and of the maps that hold them. */
    static final Set<String> ALL = all();

    /** Paths of which a job holds at most one. */
    static final List<List<String>> RIVALS = List.of(
            List.of("data.train.classes", "data.train.outputs"),
            List.of("data.test.classes", "data.test.outputs"),
            List.of("data.validation.classes", "data.validation.outputs"),
            List.of("train.batch-size", "train.global-batch"),
            OptimizerReader.KINDS.stream().map(kind -> join("optimizer", kind)).toList(),
            List.of("schedule.warmup-steps", "schedule.warmup-epochs"),
            List.of("schedule.step", "schedule.cosine"),
            List.of("schedule.step.every-steps", "schedule.step.every-epochs"),
            List.of("schedule.cosine.steps", "schedule.cosine.epochs"));

    private static final int COMPARED_CHARACTERS = 80;

    private JobKeys() {}

    private static Map<String, List<String>> dataFormats() {
        Map<String, List<String>> formats = new LinkedHashMap<>();
        formats.put("idx", List.of("images", "labels"));
        formats.put("synthetic", List.of("samples", "features", "classes", "outputs", "seed"));
        formats.put("csv", Stream.concat(Stream.of("files"), CSV_COLUMNS.stream()).toList());
        return formats;
    }

    private static Set<String> all() {
        Set<String> keys = new LinkedHashSet<>();
        keys.addAll(List.of("name", "seed", "device", "precision", "threads", "gpu-sharing", "timeout"));
        add(keys, "data");
        for (String source : List.of("data.train", "data.test", "data.validation")) {
            add(keys, source, "format");
            DATA_FORMATS.values().forEach(names -> add(keys, source, names.toArray(String[]::new)));
        }
        keys.addAll(List.of("model", "loss", "metrics"));
        add(keys, "loss.cross-entropy", "label-smoothing");
        add(keys, "optimizer");
        keys.add("optimizer.groups");
        add(keys, "optimizer.sgd", "lr", "momentum", "weight-decay", "dampening", "nesterov");
        add(keys, "optimizer.adam", "lr", "betas", "eps", "weight-decay");
        add(keys, "optimizer.adamw", "lr", "betas", "eps", "weight-decay");
        add(keys, "schedule", "warmup-steps", "warmup-epochs", "scale-lr");
        add(keys, "schedule.step", "every-steps", "every-epochs", "gamma");
        add(keys, "schedule.cosine", "steps", "epochs", "min-lr");
        add(keys, "train", "epochs", "batch-size", "global-batch", "accumulate", "shuffle", "drop-last", "clip-norm",
                "clip-value");
        add(keys, "distributed", "first-bucket", "bucket", "chunk", "overlap", "shared-memory");
        add(keys, "checkpoint", "every-epochs", "every-steps", "every-minutes", "keep");
        add(keys, "log", "every-steps");
        add(keys, "validation", "every-epochs", "every-steps", "monitor", "keep-best");
        add(keys, "validation.early-stopping", "patience", "min-delta");
        return keys;
    }

    private static void add(Set<String> keys, String map, String... names) {
        keys.add(map);
        Stream.of(names).forEach(name -> keys.add(map + "." + name));
    }

    /** The path of {@code key} in the map at {@code path}; the job itself is at the empty path. */
    static String join(String path, String key) {
        return path.isEmpty() ? key : path + "." + key;
    }

    /** The message about a key that does not exist. */
    static String unknown(String path, Collection<String> known) {
        return "key " + Text.quoted(path) + " is unknown; did you mean '" + nearest(path, known) + "'?";
    }

    /**
     * The known path that the user most likely meant. A path that leads on below a value means that value. Otherwise
     * the last names are compared first, for people misspell names and put them under the wrong map ({@code epochs} for
     * {@code train.epochs}); among names as near, one of the same map counts, then the path as a whole. The maps around
     * the key are not meant.
     */
    private static String nearest(String path, Collection<String> known) {
        String name = lastName(path);
        return known.stream()
                .filter(candidate -> path.startsWith(candidate + "."))
                .filter(candidate -> known.stream().noneMatch(other -> other.startsWith(candidate + ".")))
                .findFirst()
                .orElseGet(() -> known.stream()
                        .filter(candidate -> !path.startsWith(candidate + "."))
                        .min(Comparator.<String>comparingInt(
                                        candidate -> Math.min(name.length(), distance(name, lastName(candidate))))
                                .thenComparing(candidate -> !parent(candidate).equals(parent(path)))
                                .thenComparingInt(candidate -> distance(path, candidate)))
                        .orElseThrow());
    }

    private static String parent(String path) {
        return path.substring(0, Math.max(0, path.lastIndexOf('.')));
    }

    private static String lastName(String path) {
        return path.substring(path.lastIndexOf('.') + 1);
    }

    /** How many characters must go and come to turn one into the other; long text is cut, for no key comes near it. */
    private static int distance(String from, String to) {
        String given = from.substring(0, Math.min(from.length(), COMPARED_CHARACTERS));
        int[] row = new int[to.length() + 1];
        for (int j = 0; j <= to.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= given.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= to.length(); j++) {
                int kept = given.charAt(i - 1) == to.charAt(j - 1) ? diagonal : Integer.MAX_VALUE;
                diagonal = row[j];
                row[j] = Math.min(kept, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[to.length()];
    }
}
