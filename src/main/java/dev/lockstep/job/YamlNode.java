package dev.lockstep.job;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** YAML as data, immutable, each piece with its place. Scalars are text; what they mean is for the reader of a key to say. */
sealed interface YamlNode {
    Location at();

    /** @param plain written without quotes, so that it may stand for a number, a boolean or null */
    record Scalar(Location at, String text, boolean plain) implements YamlNode {
        boolean isNull() {
            return plain && switch (text) {
                case "", "~", "null", "Null", "NULL" -> true;
                default -> false;
            };
        }
    }

    record Sequence(Location at, List<YamlNode> items) implements YamlNode {}

    /** Entries in the order of the input. */
    record Mapping(Location at, Map<String, Entry> entries) implements YamlNode {
        static Mapping empty(Location at) {
            return new Mapping(at, Map.of());
        }

        Mapping with(String key, Entry entry) {
            Map<String, Entry> changed = new LinkedHashMap<>(entries);
            changed.put(key, entry);
            return new Mapping(at, changed);
        }

        Mapping without(String key) {
            Map<String, Entry> changed = new LinkedHashMap<>(entries);
            changed.remove(key);
            return new Mapping(at, changed);
        }
    }

    /** @param at the place of the key */
    record Entry(Location at, YamlNode value) {}
}
