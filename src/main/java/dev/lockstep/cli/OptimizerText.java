package dev.lockstep.cli;

import dev.lockstep.job.GroupConfig;
import dev.lockstep.job.Job;
import dev.lockstep.job.OptimizerConfig;
import dev.lockstep.job.ScheduleConfig;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Locale;

/** A job's optimizer and schedule as a person reads them, on one line. */
final class OptimizerText {
    private static final int DIGITS = 6;

    private OptimizerText() {
    }

    static String of(Job job, int ranks) {
        OptimizerConfig optimizer = job.optimizer();
        ScheduleConfig schedule = job.schedule();
        boolean scaled = schedule.scaleLr() == ScheduleConfig.ScaleLr.LINEAR;
        StringBuilder text = new StringBuilder(optimizer.key().substring(optimizer.key().indexOf('.') + 1));
        text.append(", lr ").append(number(optimizer.lr() * (scaled ? ranks : 1)));
        if (scaled) {
            text.append(" (").append(number(optimizer.lr())).append(" times ").append(ranks)
                    .append(ranks == 1 ? " rank)" : " ranks)");
        }
        text.append(optimizer.weightDecay() == 0 ? "" : ", weight decay " + number(optimizer.weightDecay()));
        for (GroupConfig group : optimizer.groups()) {
            text.append("; ").append(String.join(", ", group.parameters())).append(" with");
            group.lr().ifPresent(lr -> text.append(" lr ").append(number(lr * (scaled ? ranks : 1))));
            group.weightDecay().ifPresent(decay -> text.append(group.lr().isPresent() ? "," : "").append(" weight decay ")
                    .append(number(decay)));
        }
        if (schedule.warmUp() > 0) {
            text.append("; warm-up over ").append(count(schedule.warmUp(), schedule.unit()));
        } else if (scaled && ranks > 1) {
            text.append("; without warm-up");
        }
        schedule.decay().ifPresent(decay -> text.append("; ").append(decay(decay, schedule.unit())));
        return text.toString();
    }

    private static String decay(ScheduleConfig.Decay decay, ScheduleConfig.Unit unit) {
        if (decay instanceof ScheduleConfig.StepDecay step) {
            return "times " + number(step.gamma()) + " every " + count(step.every(), unit);
        }
        ScheduleConfig.CosineDecay cosine = (ScheduleConfig.CosineDecay) decay;
        return "cosine to " + number(cosine.minLr()) + " over " + count(cosine.length(), unit);
    }

    private static String count(long count, ScheduleConfig.Unit unit) {
        String noun = unit == ScheduleConfig.Unit.STEPS ? "step" : "epoch";
        return String.format(Locale.ROOT, "%,d %s%s", count, noun, count == 1 ? "" : "s");
    }

    private static String number(double number) {
        BigDecimal rounded = new BigDecimal(number).round(new MathContext(DIGITS)).stripTrailingZeros();
        return Math.abs(rounded.scale()) > 2 * DIGITS ? rounded.toString() : rounded.toPlainString();
    }
}
