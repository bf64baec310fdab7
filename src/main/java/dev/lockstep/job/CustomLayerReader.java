package dev.lockstep.job;

import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** Reads a layer {@code module: {class: NAME, OPTION: VALUE…}}; what options there are is for the class to say. */
final class CustomLayerReader {
    private static final Pattern CLASS = Pattern.compile("[\\p{L}_$][\\p{L}\\p{M}\\p{N}_$]*(\\.[\\p{L}_$][\\p{L}\\p{M}\\p{N}_$]*)*");
    private static final Pattern OPTION = Pattern.compile("[A-Za-z][A-Za-z0-9_-]*");

    private CustomLayerReader() {}

    static LayerConfig.CustomLayer layer(Value module) {
        YamlNode.Mapping map = module.mapping();
        Map<String, Object> options = new LinkedHashMap<>();
        map.entries().forEach((name, entry) -> {
            if (!OPTION.matcher(name).matches()) {
                throw entry.at().error("'" + module.path() + "' has an option " + Text.quoted(name)
                        + "; names of options are letters, digits, - and _");
            }
            if (!name.equals("class")) {
                options.put(name, value(new Value(JobKeys.join(module.path(), name), entry.value())));
            }
        });
        return new LayerConfig.CustomLayer(className(module, map), options);
    }

    private static String className(Value module, YamlNode.Mapping map) {
        String path = JobKeys.join(module.path(), "class");
        String expected = "the full name of a Java class, such as com.example.Swish";
        if (!map.entries().containsKey("class")) {
            throw module.error("required key " + Text.quoted(path) + " is missing: " + expected);
        }
        Value value = new Value(path, map.entries().get("class").value());
        String name = value.text(expected);
        if (!CLASS.matcher(name).matches()) {
            throw value.mustBe(expected);
        }
        return name;
    }

    private static Object value(Value value) {
        return value.node() instanceof YamlNode.Sequence
                ? value.items("a list").stream().map(CustomLayerReader::scalar).toList() : scalar(value);
    }

    /** A BigDecimal, a Boolean or a String. */
    private static Object scalar(Value value) {
        if (!(value.node() instanceof YamlNode.Scalar) || value.isNull()) {
            throw value.mustBe("a number, true or false, a text, or a list of these");
        }
        if (value.isNumber()) {
            value.number(); // not too large
            return canonical(value.decimal());
        }
        return value.isFlag() ? (Object) value.flag() : ((YamlNode.Scalar) value.node()).text();
    }

    /** Equal numbers are equal objects. */
    private static BigDecimal canonical(BigDecimal number) {
        return number.signum() == 0 ? BigDecimal.ZERO : number.stripTrailingZeros();
    }

    /** The layer as it was read, for {@link JobWriter}. */
    static String yaml(LayerConfig.CustomLayer layer) {
        StringBuilder yaml = new StringBuilder("module: {class: " + Text.yaml(layer.className()));
        layer.options().forEach((name, value) -> yaml.append(", ").append(name).append(": ").append(yaml(value)));
        return yaml.append('}').toString();
    }

    private static String yaml(Object value) {
        if (value instanceof List<?> list) {
            return list.stream().map(CustomLayerReader::yaml).toList().toString();
        }
        if (value instanceof BigDecimal number) {
            return JobWriter.number(number);
        }
        return value instanceof String text ? Text.yaml(text) : value.toString();
    }
}
