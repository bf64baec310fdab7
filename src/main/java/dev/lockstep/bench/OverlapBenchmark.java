package dev.lockstep.bench;

import dev.lockstep.bench.StepBenchmark.Measurement;
import dev.lockstep.train.StepBreakdown;
import dev.lockstep.train.StepTimes.OperationTime;
import dev.lockstep.train.Trainer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** Times the same steps with and without overlap, in turns, so that a drift of the machine meets both alike. */
public final class OverlapBenchmark {
    /** All turns together. */
    public record Sides(Measurement on, Measurement off) {
    }

    private final Trainer trainer;
    private final StepBenchmark benchmark;

    public OverlapBenchmark(Trainer trainer, StepBenchmark benchmark) {
        this.trainer = trainer;
        this.benchmark = benchmark;
    }

    /**
     * On, off, off, on, on, … Collective.
     *
     * @param repeats     turns of each
     * @param warmUpSteps in each turn
     * @param steps       timed in each turn
     */
    public Sides run(int repeats, int warmUpSteps, int steps) {
        List<Measurement> on = new ArrayList<>();
        List<Measurement> off = new ArrayList<>();
        for (int turn = 0; turn < 2 * repeats; turn++) {
            boolean overlap = turn % 4 == 0 || turn % 4 == 3;
            trainer.setOverlap(overlap);
            (overlap ? on : off).add(benchmark.run(warmUpSteps, steps));
        }
        return new Sides(together(on), together(off));
    }

    private static Measurement together(List<Measurement> turns) {
        double[] steps = turns.stream().flatMapToDouble(turn -> Arrays.stream(turn.stepSeconds())).toArray();
        List<Measurement> timed = turns.stream().filter(turn -> turn.breakdown().isPresent()).toList();
        if (timed.isEmpty()) {
            return new Measurement(steps, Optional.empty(), List.of(), new double[0]);
        }
        List<OperationTime> names = timed.get(0).operations();
        List<OperationTime> operations = IntStream.range(0, names.size()).mapToObj(i -> new OperationTime(
                names.get(i).name(), names.get(i).phase(), names.get(i).flops(),
                timed.stream().mapToDouble(turn -> turn.operations().get(i).seconds()).average().orElseThrow())).toList();
        double[] chunks = new double[timed.get(0).chunkSeconds().length];
        Arrays.setAll(chunks, i -> timed.stream().mapToDouble(turn -> turn.chunkSeconds()[i]).average().orElseThrow());
        return new Measurement(steps,
                Optional.of(StepBreakdown.mean(timed.stream().map(turn -> turn.breakdown().orElseThrow()).toList())),
                operations, chunks);
    }
}
