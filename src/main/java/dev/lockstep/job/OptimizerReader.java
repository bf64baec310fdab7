package dev.lockstep.job;

/** Reads a job's section {@code optimizer}. */
final class OptimizerReader {
    private OptimizerReader() {}

    static OptimizerConfig optimizer(Fields optimizer) {
        return sgd(optimizer.map("sgd"));
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
}
