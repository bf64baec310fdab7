package dev.lockstep.job;

import java.util.List;

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
        return switch (given.get(0)) {
            case "sgd" -> sgd(fields);
            case "adam" -> adam(fields, false, "0");
            default -> adam(fields, true, "0.01");
        };
    }

    private static OptimizerConfig sgd(Fields sgd) {
        double lr = sgd.require("lr").numberFromZero();
        double momentum = sgd.get("momentum", "0").numberFromZero();
        double weightDecay = sgd.get("weight-decay", "0").numberFromZero();
        double dampening = sgd.get("dampening", "0").number();
        boolean nesterov = sgd.get("nesterov", "false").flag();
        if (nesterov && (momentum == 0 || dampening != 0)) {
            throw sgd.error("nesterov", "'optimizer.sgd.nesterov' needs a momentum above 0 and a dampening of 0");
        }
        return new OptimizerConfig.Sgd(lr, momentum, weightDecay, dampening, nesterov);
    }

    private static OptimizerConfig adam(Fields adam, boolean decoupled, String weightDecay) {
        double[] betas = adam.find("betas").map(OptimizerReader::betas).orElse(new double[] {0.9, 0.999});
        return new OptimizerConfig.Adam(adam.get("lr", "0.001").numberFromZero(), betas[0], betas[1],
                eps(adam.get("eps", "1e-8")), adam.get("weight-decay", weightDecay).numberFromZero(), decoupled);
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
        if ((float) eps < Float.MIN_NORMAL) {
            throw value.mustBe("a number above 0, and as a float, too");
        }
        return eps;
    }
}
