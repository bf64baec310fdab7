package dev.lockstep.job;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Reads the list of layers, and checks that each takes what the one before it gives. */
final class ModelReader {
    private static final String CUSTOM = "module";

    private ModelReader() {}

    static List<LayerConfig> layers(Value model) {
        if (!(model.node() instanceof YamlNode.Sequence list)) {
            throw model.mustBe("a list of layers");
        }
        if (list.items().isEmpty()) {
            throw model.error("'model' is empty; it needs at least one linear layer");
        }
        List<LayerConfig> layers = new ArrayList<>();
        int giver = -1;
        int given = 0;
        for (YamlNode item : list.items()) {
            int position = layers.size();
            LayerConfig layer = layer(new Value("model." + position, item));
            layers.add(layer);
            if (layer instanceof LayerConfig.LinearLayer linear) {
                if (giver >= 0 && linear.in() != given) {
                    throw item.at().error("model: layer " + position + " (linear) takes " + linear.in()
                            + " inputs but layer " + giver + " gives " + given);
                }
                giver = position;
                given = linear.out();
            } else if (layer instanceof LayerConfig.CustomLayer) {
                giver = -1; // what it gives is for its class to say
            }
        }
        if (layers.stream().allMatch(LayerConfig.ActivationLayer.class::isInstance)) {
            throw model.error("'model' has no linear layer; it needs at least one");
        }
        return layers;
    }

    private static LayerConfig layer(Value value) {
        if (value.node() instanceof YamlNode.Mapping mapping) {
            if (mapping.entries().containsKey(CUSTOM)) {
                Fields layer = new Fields(value.path(), mapping, List.of(JobKeys.join(value.path(), CUSTOM)));
                return CustomLayerReader.layer(layer.require(CUSTOM));
            }
            return linear(value.path(), mapping);
        }
        String name = value.text("a layer");
        Optional<ActivationKind> activation = activation(name);
        if (activation.isPresent()) {
            return new LayerConfig.ActivationLayer(activation.get());
        }
        if (name.equals("linear")) {
            throw value.error(Text.quoted(value.path()) + " needs sizes: write 'linear: {in: …, out: …}'");
        }
        if (name.equals(CUSTOM)) {
            throw value.error(Text.quoted(value.path()) + " needs a class: write 'module: {class: …}'");
        }
        throw value.error(JobKeys.unknown(value.path() + "." + name, kinds(value.path())));
    }

    private static LayerConfig linear(String path, YamlNode.Mapping mapping) {
        Fields layer = new Fields(path, mapping, kinds(path));
        for (ActivationKind kind : ActivationKind.values()) {
            String name = Value.spelling(kind);
            if (layer.has(name)) {
                throw layer.error(name, "'" + path + "' is more than the word " + name + "; write '- " + name + "'");
            }
        }
        String linearPath = path + ".linear";
        Fields linear = new Fields(
                linearPath, layer.require("linear").mapping(), List.of(linearPath + ".in", linearPath + ".out"));
        return new LayerConfig.LinearLayer(linear.require("in").wholeInt(1), linear.require("out").wholeInt(1));
    }

    private static Optional<ActivationKind> activation(String name) {
        return Arrays.stream(ActivationKind.values()).filter(kind -> Value.spelling(kind).equals(name)).findFirst();
    }

    /** The paths of all kinds of layer at one position. */
    private static List<String> kinds(String path) {
        return Stream.concat(Stream.of("linear", CUSTOM), Arrays.stream(ActivationKind.values()).map(Value::spelling))
                .map(name -> path + "." + name)
                .toList();
    }
}
