package dev.lockstep.job;

import dev.lockstep.InvalidInputException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** A job file's values as text, for people who compare jobs: also keys that this version does not know. */
public final class Settings {
    private final Map<String, String> values = new LinkedHashMap<>();

    private Settings() {
    }

    /**
     * The values by dotted key, {@code optimizer.sgd.lr}, in the file's order; a list is one value.
     *
     * @throws InvalidInputException if the file cannot be read or is no YAML
     */
    public static Map<String, String> of(Path file) {
        Settings settings = new Settings();
        YamlReader.read(TextFile.read(file, "job file"), file.toString(), true).ifPresent(root -> settings.add("", root));
        return settings.values;
    }

    private void add(String key, YamlNode node) {
        if (node instanceof YamlNode.Mapping mapping) {
            mapping.entries().forEach((name, entry) -> add(JobKeys.join(key, name), entry.value()));
        } else {
            values.put(key, text(node));
        }
    }

    private static String text(YamlNode node) {
        if (node instanceof YamlNode.Scalar scalar) {
            return Text.oneLine(scalar.text());
        }
        if (node instanceof YamlNode.Sequence sequence) {
            return sequence.items().stream().map(Settings::text).collect(Collectors.joining(", ", "[", "]"));
        }
        return ((YamlNode.Mapping) node).entries().entrySet().stream()
                .map(entry -> entry.getKey() + ": " + text(entry.getValue().value()))
                .collect(Collectors.joining(", ", "{", "}"));
    }
}
