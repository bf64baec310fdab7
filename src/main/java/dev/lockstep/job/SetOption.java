package dev.lockstep.job;

import dev.lockstep.InvalidInputException;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The {@code --set KEY=VALUE} options, applied to a file before any value is read. */
final class SetOption {
    private final Location at;
    private final String key;
    private final YamlNode value;

    /** @throws InvalidInputException if it is not KEY=VALUE, KEY is not known or VALUE is not YAML */
    private SetOption(String assignment, Set<String> known) {
        at = new Location("--set " + assignment.substring(0, Math.min(assignment.length(), 100)), 0);
        int equals = assignment.indexOf('=');
        if (equals <= 0) {
            throw at.error("must have the form KEY=VALUE, such as train.epochs=1");
        }
        key = assignment.substring(0, equals);
        if (!known.contains(key)) {
            throw at.error(JobKeys.unknown(key, known));
        }
        value = YamlReader.read(assignment.substring(equals + 1), at.source(), false)
                .orElse(new YamlNode.Scalar(at, "", true));
    }

    /**
     * The file with the options applied in order, so that the last one counts.
     *
     * @param known keys that may be set
     */
    static YamlNode.Mapping apply(YamlNode.Mapping file, List<String> assignments, Set<String> known) {
        YamlNode.Mapping changed = file;
        for (String assignment : assignments) {
            SetOption override = new SetOption(assignment, known);
            changed = override.set("", changed);
        }
        return changed;
    }

    private YamlNode.Mapping set(String path, YamlNode.Mapping map) {
        String rest = path.isEmpty() ? key : key.substring(path.length() + 1);
        int dot = rest.indexOf('.');
        if (dot < 0) {
            return withoutForeign(path, withoutRivals(path, map, rest), rest).with(rest, new YamlNode.Entry(at, value));
        }
        String name = rest.substring(0, dot);
        String childPath = JobKeys.join(path, name);
        YamlNode.Entry child = map.entries().get(name);
        // A map that the file leaves out, or leaves empty, begins here; and where a word stands, which says the same with
        // every default or is decided against.
        boolean absent = child == null || new Value(childPath, child.value()).isNull()
                || childPath.equals("loss") && child.value() instanceof YamlNode.Scalar;
        YamlNode.Mapping childMap =
                absent ? YamlNode.Mapping.empty(at) : new Value(childPath, child.value()).mapping();
        return withoutRivals(path, map, name)
                .with(name, new YamlNode.Entry(absent ? at : child.at(), set(childPath, childMap)));
    }

    /**
     * The map without the keys that cannot stand beside the one being set, itself or a key below it: who sets one has
     * decided against those, and the file has had to choose one already.
     */
    private static YamlNode.Mapping withoutRivals(String path, YamlNode.Mapping map, String name) {
        YamlNode.Mapping kept = map;
        for (List<String> rivals : JobKeys.RIVALS) {
            if (rivals.contains(JobKeys.join(path, name))) {
                for (String rival : rivals) {
                    String other = rival.substring(rival.lastIndexOf('.') + 1);
                    kept = other.equals(name) ? kept : kept.without(other);
                }
            }
        }
        return kept;
    }

    private YamlNode.Mapping withoutForeign(String path, YamlNode.Mapping map, String name) {
        // Another format of data has other keys. Those that fit it stay, so that the order of options does not matter.
        if (path.startsWith("data.") && name.equals("format") && value instanceof YamlNode.Scalar format
                && JobKeys.DATA_FORMATS.containsKey(format.text())) {
            YamlNode.Mapping kept = map;
            for (Map.Entry<String, List<String>> other : JobKeys.DATA_FORMATS.entrySet()) {
                if (!other.getKey().equals(format.text())) {
                    for (String foreign : other.getValue()) {
                        kept = kept.without(foreign);
                    }
                }
            }
            return kept;
        }
        return map;
    }
}
