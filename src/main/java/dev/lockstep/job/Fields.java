package dev.lockstep.job;

import dev.lockstep.InvalidInputException;
import java.util.Collection;
import java.util.Optional;

/** The entries of a map of a file, each asked for by name; a key that nothing asks for is refused first. */
final class Fields {
    private final String path;
    private final YamlNode.Mapping map;

    /**
     * @param path of the map; empty for the job itself
     * @param known paths of all keys that may stand in such a map, and of others that the user may have meant
     * @throws InvalidInputException naming the first key of the map that is not known
     */
    Fields(String path, YamlNode.Mapping map, Collection<String> known) {
        this.path = path;
        this.map = map;
        map.entries().forEach((key, entry) -> {
            if (key.indexOf('.') >= 0) {
                throw entry.at().error("key " + Text.quoted(key) + " holds a dot; in a job file keys are nested, as in"
                        + " 'train: {epochs: 1}'");
            }
            if (!known.contains(JobKeys.join(path, key))) {
                throw entry.at().error(JobKeys.unknown(JobKeys.join(path, key), known));
            }
        });
    }

    /** Of the map itself. */
    String path() {
        return path;
    }

    boolean has(String key) {
        return map.entries().containsKey(key);
    }

    Optional<Value> find(String key) {
        return Optional.ofNullable(map.entries().get(key)).map(entry -> new Value(JobKeys.join(path, key), entry.value()));
    }

    Value require(String key) {
        return find(key).orElseThrow(() ->
                map.at().error("required key " + Text.quoted(JobKeys.join(path, key)) + " is missing"));
    }

    /** The value of {@code key}, or where it is left out a default, spelt as in a job file. */
    Value get(String key, String defaultText) {
        return find(key).orElseGet(() -> new Value(
                JobKeys.join(path, key), new YamlNode.Scalar(new Location("default", 0), defaultText, true)));
    }

    /** The map under {@code key}; one left out is as good as an empty one. */
    Fields map(String key) {
        String mapPath = JobKeys.join(path, key);
        YamlNode.Mapping entries = find(key).map(Value::mapping).orElse(YamlNode.Mapping.empty(map.at()));
        return new Fields(mapPath, entries, JobKeys.ALL);
    }

    /** The map under {@code key} as if it were left out. */
    Fields none(String key) {
        return new Fields(JobKeys.join(path, key), YamlNode.Mapping.empty(map.at()), JobKeys.ALL);
    }

    /** An error at the place of {@code key}, or of the whole map where it does not hold that key. */
    InvalidInputException error(String key, String problem) {
        YamlNode.Entry entry = map.entries().get(key);
        return (entry == null ? map.at() : entry.at()).error(problem);
    }
}
