package dev.lockstep.job;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/** Reads a job's section {@code optimizer}. */
final class OptimizerReader {
    static final List<String> KINDS = List.of("sgd", "adam", "adamw");

    private OptimizerReader() {}

    static OptimizerConfig optimizer(Fields optimizer) {
        List<String> given = KINDS.stream().filter(optimizer::has).toList();
        if (given.isEmpty()) {
            throw optimizer.error("", "required key 'optimizer.sgd' is missing (or 'optimizer.adam' or 'optimizer.adamw')");
        }
        if (given.size() > 1) {
            throw optimizer.error(given.get(1), "'optimizer." + given.get(0) + "' and 'optimizer." + given.get(1)
                    + "' exclude each other; keep one");
        }
        Fields fields = optimizer.map(given.get(0));
        List<GroupConfig> groups = optimizer.find("groups").map(OptimizerReader::groups).orElse(List.of());
        return switch (given.get(0)) {
            case "sgd" -> sgd(fields, groups);
            case "adam" -> adam(fields, false, "0", groups);
            default -> adam(fields, true, "0.01", groups);
        };
    }

    private static OptimizerConfig sgd(Fields sgd, List<GroupConfig> groups) {
        double lr = sgd.require("lr").floatFromZero();
        double momentum = sgd.get("momentum", "0").floatFromZero();
        double weightDecay = sgd.get("weight-decay", "0").floatFromZero();
        double dampening = sgd.get("dampening", "0").floatNumber();
        boolean nesterov = sgd.get("nesterov", "false").flag();
        if (nesterov && (momentum == 0 || dampening != 0)) {
            throw sgd.error("nesterov", "'optimizer.sgd.nesterov' needs a momentum above 0 and a dampening of 0");
        }
        return new OptimizerConfig.Sgd(lr, momentum, weightDecay, dampening, nesterov, groups);
    }

    private static OptimizerConfig adam(Fields adam, boolean decoupled, String weightDecay, List<GroupConfig> groups) {
        double[] betas = adam.find("betas").map(OptimizerReader::betas).orElse(new double[] {0.9, 0.999});
        return new OptimizerConfig.Adam(adam.get("lr", "0.001").floatFromZero(), betas[0], betas[1],
                eps(adam.get("eps", "1e-8")), adam.get("weight-decay", weightDecay).floatFromZero(), decoupled, groups);
    }

    private static double[] betas(Value value) {
        String expected = "a list of two numbers, such as [0.9, 0.999]";
        List<Value> items = value.items(expected);
        if (items.size() != 2) {
            throw value.error("'" + value.path() + "' must be " + expected + ", not a list of " + items.size());
        }
        return items.stream().mapToDouble(item -> {
            double beta = item.numberFromZero();
            if (beta >= 1) {
                throw item.mustBe("a number from 0 to below 1");
            }
            return beta;
        }).toArray();
    }

    /** Where it is 0, a parameter that never had a gradient becomes 0 / 0. */
    private static double eps(Value value) {
        double eps = value.numberFromZero();
        if (!Value.isFloat(eps)) {
            throw value.mustBe(Value.FLOAT_RANGE);
        }
        return eps;
    }

    private static List<GroupConfig> groups(Value value) {
        return value.items("a list of groups such as {parameters: [biases, norms], weight-decay: 0}").stream()
                .map(OptimizerReader::group).toList();
    }

    private static GroupConfig group(Value value) {
        Fields group = new Fields(value.path(), value.mapping(), Stream.of("parameters", "lr", "weight-decay")
                .map(key -> JobKeys.join(value.path(), key)).toList());
        Value parameters = group.require("parameters");
        String expected = "biases, norms, a pattern of names such as '4.*', or a list of these";
        List<Value> names = parameters.node() instanceof YamlNode.Scalar ? List.of(parameters) : parameters.items(expected);
        GroupConfig config = new GroupConfig(names.stream().map(name -> name.text(expected)).toList(),
                number(group.find("lr")), number(group.find("weight-decay")));
        if (names.isEmpty()) {
            throw parameters.error("'" + parameters.path() + "' names none; give " + expected);
        }
        if (config.lr().isEmpty() && config.weightDecay().isEmpty()) {
            throw value.error("'" + value.path() + "' changes nothing; give it an lr, a weight-decay or both");
        }
        return config;
    }

    private static OptionalDouble number(Optional<Value> value) {
        return value.isPresent() ? OptionalDouble.of(value.get().floatFromZero()) : OptionalDouble.empty();
    }
}
