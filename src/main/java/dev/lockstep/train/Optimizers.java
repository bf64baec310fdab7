package dev.lockstep.train;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.Device;
import dev.lockstep.job.GroupConfig;
import dev.lockstep.job.Job;
import dev.lockstep.job.OptimizerConfig;
import dev.lockstep.job.ScheduleConfig;
import dev.lockstep.optim.Adam;
import dev.lockstep.optim.AdamSettings;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.optim.ParameterGroup;
import dev.lockstep.optim.Schedule;
import dev.lockstep.optim.Sgd;
import dev.lockstep.optim.SgdSettings;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.ParameterShape;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/** Builds the optimizer and the schedule that a job file describes. */
final class Optimizers {
    private static final String GAMMA = "schedule.step.gamma";
    private static final Pattern WILDCARD = Pattern.compile("[*?]");

    private Optimizers() {
    }

    static Optimizer build(Job job, Device device, ParameterArena arena, Schedule schedule) {
        List<ParameterGroup> groups = job.optimizer().groups().stream()
                .map(group -> new ParameterGroup(members(group), group.lr().orElse(job.optimizer().lr()),
                        group.weightDecay().orElse(job.optimizer().weightDecay()))).toList();
        if (job.optimizer() instanceof OptimizerConfig.Sgd sgd) {
            return new Sgd(device, arena, new SgdSettings(sgd.lr(), sgd.momentum(), sgd.weightDecay(),
                    sgd.dampening(), sgd.nesterov()), groups, schedule);
        }
        if (job.optimizer() instanceof OptimizerConfig.Adam adam) {
            return new Adam(device, arena, new AdamSettings(adam.lr(), adam.beta1(), adam.beta2(), adam.eps(),
                    adam.weightDecay(), adam.decoupled()), groups, schedule);
        }
        throw new IllegalStateException("an optimizer without an implementation: " + job.optimizer());
    }

    static Schedule schedule(ScheduleConfig config, int ranks) {
        return new Schedule(config.unit() == ScheduleConfig.Unit.STEPS ? Schedule.Unit.STEPS : Schedule.Unit.EPOCHS,
                config.warmUp(), config.decay().map(Optimizers::decay),
                config.scaleLr() == ScheduleConfig.ScaleLr.LINEAR ? ranks : 1);
    }

    private static Schedule.Decay decay(ScheduleConfig.Decay config) {
        if (config instanceof ScheduleConfig.StepDecay step) {
            return new Schedule.Decay.Step(step.every(), step.gamma());
        }
        ScheduleConfig.CosineDecay cosine = (ScheduleConfig.CosineDecay) config;
        return new Schedule.Decay.Cosine(cosine.length(), cosine.minLr());
    }

    /** @throws InvalidInputException if a group names a parameter that the model does not have */
    static void checkGroups(OptimizerConfig optimizer, List<ParameterShape> shapes) {
        for (int i = 0; i < optimizer.groups().size(); i++) {
            for (String name : optimizer.groups().get(i).parameters()) {
                if (!isRole(name) && shapes.stream().noneMatch(members(name))) {
                    throw new InvalidInputException("optimizer.groups." + i + ".parameters: '" + name + "' is no parameter's"
                            + " name; give biases, norms or a pattern of names"
                            + (shapes.isEmpty() ? ", of which the model has none" : " from " + shapes.get(0).name() + " to "
                            + shapes.get(shapes.size() - 1).name()));
                }
            }
        }
    }

    /**
     * Holds the largest learning rate of the whole training, and what optimizers make of it, against a float's range. A rate
     * that falls below it is no mistake: then training has come to its end.
     *
     * @throws InvalidInputException naming the rate that exceeds it, or what raises it so far
     */
    static void checkRates(Job job, int ranks, int stepsPerEpoch) {
        checkRate(job, ranks, stepsPerEpoch, job.optimizer().key(), job.optimizer().lr(), job.optimizer().weightDecay());
        for (int i = 0; i < job.optimizer().groups().size(); i++) {
            GroupConfig group = job.optimizer().groups().get(i);
            checkRate(job, ranks, stepsPerEpoch, group.lr().isPresent() ? "optimizer.groups." + i : job.optimizer().key(),
                    group.lr().orElse(job.optimizer().lr()), group.weightDecay().orElse(job.optimizer().weightDecay()));
        }
    }

    private static void checkRate(Job job, int ranks, int stepsPerEpoch, String key, double lr, double weightDecay) {
        Schedule schedule = schedule(job.schedule(), ranks);
        double warm = schedule.rate(lr);
        int epochs = job.train().epochs();
        schedule.moveTo((long) epochs * stepsPerEpoch - 1, epochs - 1, stepsPerEpoch - 1, stepsPerEpoch);
        double last = schedule.rate(lr);
        if (Double.isNaN(last)) {
            throw new InvalidInputException(GAMMA + ": it raises " + key + ".lr, which is 0, to 0 times Infinity; lower "
                    + GAMMA);
        }
        double rate = Math.max(warm, last);
        // No other decay raises a rate.
        String blamed = excess(job, warm, weightDecay).isPresent() ? key + ".lr" : GAMMA;
        excess(job, rate, weightDecay).ifPresent(how -> {
            throw new InvalidInputException(blamed + ": the largest rate of the training is " + rate + how + ", above the "
                    + Float.MAX_VALUE + " that a float can hold; lower " + blamed);
        });
    }

    /** How the optimizer comes to more than a float can hold from that rate; empty if it does not. */
    private static Optional<String> excess(Job job, double rate, double weightDecay) {
        if (job.optimizer() instanceof OptimizerConfig.Adam adam) {
            if (adam.decoupled() && rate * weightDecay > Float.MAX_VALUE) {
                return Optional.of(", times the weight-decay of " + weightDecay + " it is " + rate * weightDecay);
            }
            // The first steps, whose averages hold little yet.
            double first = rate / (1 - adam.beta1());
            return first > Float.MAX_VALUE ? Optional.of(", and Adam's first step divides it by 1 - " + adam.beta1() + " to "
                    + first) : Optional.empty();
        }
        return rate > Float.MAX_VALUE ? Optional.of("") : Optional.empty();
    }

    private static boolean isRole(String name) {
        return name.equals(GroupConfig.BIASES) || name.equals(GroupConfig.NORMS);
    }

    private static Predicate<ParameterShape> members(GroupConfig group) {
        return group.parameters().stream().map(Optimizers::members).reduce(shape -> false, Predicate::or);
    }

    private static Predicate<ParameterShape> members(String name) {
        if (isRole(name)) {
            ParameterShape.Role role = name.equals(GroupConfig.BIASES) ? ParameterShape.Role.BIAS : ParameterShape.Role.NORM;
            return shape -> shape.role() == role;
        }
        // Quoted between the wildcards, whatever else it holds.
        String pattern = WILDCARD.matcher(Pattern.quote(name)).replaceAll(
                wildcard -> "\\\\E" + (wildcard.group().equals("*") ? ".*" : ".") + "\\\\Q");
        return shape -> shape.name().matches(pattern);
    }
}
