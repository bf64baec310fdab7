package dev.lockstep.job;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Reads the list of layers, and checks that each takes what the one before it gives. */
final class ModelReader {
    private static final String BATCH_NORM = "batch-norm";
    private static final String SYNC_BATCH_NORM = "sync-batch-norm";
    private static final String LAYER_NORM = "layer-norm";
    private static final String DROPOUT = "dropout";
    private static final String RESIDUAL = "residual";
    private static final String LINEAR = "linear";
    private static final String CUSTOM = "module";
    /** Those that stand as words of their own, too. */
    private static final List<String> NORMS = List.of(BATCH_NORM, SYNC_BATCH_NORM, LAYER_NORM);

    private static final String EPS = "1e-5";
    private static final String MOMENTUM = "0.1";

    /** More than any model has; YAML's aliases can make very many of few lines. */
    private static final int MAX_DEPTH = 32;
    private static final int MAX_LAYERS = 10_000;

    /**
     * Where a list of layers stands: after layer {@code giver}, which gives so many features; −1 where no layer before has
     * said how many there are.
     */
    private record Features(int giver, int given) {
        static final Features UNKNOWN = new Features(-1, -1);
    }

    /** In all lists so far. */
    private int layerCount;

    private ModelReader() {}

    static List<LayerConfig> layers(Value model) {
        List<LayerConfig> layers = new ModelReader().list(model, 0);
        if (LayerConfig.flattened(layers).noneMatch(ModelReader::mayHaveParameters)) {
            throw model.error("'model' has no linear layer; it needs at least one");
        }
        return layers;
    }

    private static boolean mayHaveParameters(LayerConfig layer) {
        return layer instanceof LayerConfig.LinearLayer || layer instanceof LayerConfig.CustomLayer;
    }

    private List<LayerConfig> list(Value value, int depth) {
        if (!(value.node() instanceof YamlNode.Sequence list)) {
            throw value.mustBe("a list of layers");
        }
        if (list.items().isEmpty()) {
            throw value.error(Text.quoted(value.path()) + " is empty; it needs at least one "
                    + (depth == 0 ? "linear layer" : "layer"));
        }
        if (depth > MAX_DEPTH) {
            throw value.error(Text.quoted(value.path()) + " lies within more than " + MAX_DEPTH + " other lists");
        }
        List<LayerConfig> layers = new ArrayList<>();
        Features features = Features.UNKNOWN;
        for (YamlNode item : list.items()) {
            layerCount++;
            if (layerCount > MAX_LAYERS) {
                throw value.error("the model has more than " + MAX_LAYERS + " layers");
            }
            Value at = new Value(value.path() + "." + layers.size(), item);
            LayerConfig layer = layer(at, depth);
            features = behind(at, layer, features, layers.size());
            layers.add(layer);
        }
        return layers;
    }

    /** What layer {@code position} gives, where it takes what is given to it. */
    private static Features behind(Value at, LayerConfig layer, Features before, int position) {
        if (LayerConfig.flattened(List.of(layer)).anyMatch(LayerConfig.CustomLayer.class::isInstance)) {
            return Features.UNKNOWN; // what its class takes and gives is found when the model is built
        }
        Optional<int[]> ends = ends(layer);
        if (ends.isEmpty()) {
            return before;
        }
        int in = ends.get()[0];
        int out = ends.get()[1];
        String name = layer instanceof LayerConfig.LinearLayer ? LINEAR : RESIDUAL;
        String list = at.path().substring(0, at.path().lastIndexOf('.'));
        if (before.given >= 0 && in != before.given) {
            throw at.error(list + ": layer " + position + " (" + name + ") takes " + in + " inputs but layer " + before.giver
                    + " gives " + before.given);
        }
        if (layer instanceof LayerConfig.ResidualLayer && in != out) {
            throw at.error(list + ": layer " + position + " (residual) takes " + in + " inputs but its layers give " + out
                    + "; make the last linear layer in it give " + in);
        }
        return new Features(position, out);
    }

    /** The inputs of the first linear layer and the outputs of the last; empty where there is none. */
    private static Optional<int[]> ends(LayerConfig layer) {
        List<LayerConfig.LinearLayer> linear = LayerConfig.flattened(List.of(layer))
                .filter(LayerConfig.LinearLayer.class::isInstance).map(LayerConfig.LinearLayer.class::cast).toList();
        return linear.isEmpty() ? Optional.empty()
                : Optional.of(new int[] {linear.get(0).in(), linear.get(linear.size() - 1).out()});
    }

    private LayerConfig layer(Value value, int depth) {
        if (value.node() instanceof YamlNode.Mapping mapping) {
            return layer(value.path(), mapping, depth);
        }
        String name = value.text("a layer");
        Optional<ActivationKind> activation = activation(name);
        if (activation.isPresent()) {
            return new LayerConfig.ActivationLayer(activation.get());
        }
        if (NORMS.contains(name)) {
            return norm(name, new Fields(value.path(), YamlNode.Mapping.empty(value.node().at()), List.of()));
        }
        if (name.equals(LINEAR)) {
            throw value.error(Text.quoted(value.path()) + " needs sizes: write 'linear: {in: …, out: …}'");
        }
        if (name.equals(DROPOUT)) {
            throw value.error(Text.quoted(value.path()) + " needs a probability: write 'dropout: 0.5'");
        }
        if (name.equals(CUSTOM)) {
            throw value.error(Text.quoted(value.path()) + " needs a class: write 'module: {class: …}'");
        }
        if (name.equals(RESIDUAL)) {
            throw value.error(Text.quoted(value.path()) + " needs layers: write 'residual: [{linear: {in: 8, out: 8}},"
                    + " relu]'");
        }
        throw value.error(JobKeys.unknown(value.path() + "." + name, kinds(value.path())));
    }

    private LayerConfig layer(String path, YamlNode.Mapping mapping, int depth) {
        Fields layer = new Fields(path, mapping, kinds(path));
        for (ActivationKind kind : ActivationKind.values()) {
            String name = Value.spelling(kind);
            if (layer.has(name)) {
                throw layer.error(name, "'" + path + "' is more than the word " + name + "; write '- " + name + "'");
            }
        }
        List<String> names = Stream.concat(Stream.of(LINEAR, DROPOUT, RESIDUAL, CUSTOM), NORMS.stream()).filter(layer::has).toList();
        if (names.size() > 1) {
            throw layer.error(names.get(1), Text.quoted(path) + " is both " + names.get(0) + " and " + names.get(1)
                    + "; write each as an item of the list");
        }
        String name = names.isEmpty() ? LINEAR : names.get(0);
        Value value = layer.require(name);
        return switch (name) {
            case DROPOUT -> new LayerConfig.DropoutLayer(probability(value));
            case RESIDUAL -> new LayerConfig.ResidualLayer(list(value, depth + 1));
            case CUSTOM -> CustomLayerReader.layer(value);
            case LINEAR -> {
                Fields linear = new Fields(value.path(), value.mapping(), paths(value.path(), "in", "out"));
                yield new LayerConfig.LinearLayer(linear.require("in").wholeInt(1), linear.require("out").wholeInt(1));
            }
            default -> norm(name, new Fields(value.path(), value.mapping(),
                    name.equals(LAYER_NORM) ? paths(value.path(), "eps") : paths(value.path(), "eps", "momentum")));
        };
    }

    private static LayerConfig norm(String name, Fields norm) {
        double eps = norm.get("eps", EPS).floatFromZero();
        if (name.equals(LAYER_NORM)) {
            return new LayerConfig.LayerNormLayer(eps);
        }
        double momentum = momentum(norm.get("momentum", MOMENTUM));
        return new LayerConfig.BatchNormLayer(name.equals(SYNC_BATCH_NORM), eps, momentum);
    }

    private static double momentum(Value value) {
        double momentum = value.number();
        if (momentum < 0 || momentum > 1) {
            throw value.mustBe("a number from 0 to 1");
        }
        return momentum;
    }

    private static double probability(Value value) {
        double probability = value.number();
        if (probability < 0 || probability >= 1) {
            throw value.mustBe("a number from 0 to less than 1");
        }
        return probability;
    }

    private static Optional<ActivationKind> activation(String name) {
        return Arrays.stream(ActivationKind.values()).filter(kind -> Value.spelling(kind).equals(name)).findFirst();
    }

    private static List<String> paths(String path, String... names) {
        return Stream.of(names).map(name -> path + "." + name).toList();
    }

    /** The paths of all kinds of layer at one position. */
    private static List<String> kinds(String path) {
        return Stream.of(Stream.of(LINEAR), Arrays.stream(ActivationKind.values()).map(Value::spelling), NORMS.stream(),
                        Stream.of(DROPOUT, RESIDUAL, CUSTOM))
                .flatMap(names -> names)
                .map(name -> path + "." + name)
                .toList();
    }
}
