package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.optim.Optimizer;
import dev.lockstep.optim.Schedule;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.ParameterShape;
import dev.lockstep.tensor.ParameterShape.Role;
import dev.lockstep.testing.RankThreads;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OptimizersTest {
    private static final List<ParameterShape> SHAPES = List.of(ParameterShape.matrix("0.weight", 1, 1),
            ParameterShape.bias("0.bias", 1), ParameterShape.vector("1.weight", 1, Role.NORM),
            ParameterShape.vector("1.bias", 1, Role.NORM), ParameterShape.matrix("10.weight", 1, 1));

    /** With a gradient of −1 a step of SGD adds each parameter's rate. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "biases                  | 1 2 1 1 1",
        "norms                   | 1 1 2 2 1",
        "[biases, norms]         | 1 2 2 2 1",
        "'*.bias'                | 1 2 1 2 1",
        "['1.*', '10.*']         | 1 1 2 2 2",
        "'?.*'                   | 2 2 2 2 1",
        "'*'                     | 2 2 2 2 2",
        "0.weight                | 2 1 1 1 1",
    })
    void shouldGroupParametersByRoleAndName(String parameters, String rates) {
        Device device = new ReferenceDevice();
        ParameterArena arena = new ParameterArena(device, SHAPES, true);
        Optimizer optimizer = Optimizers.build(SmallJobs.job("optimizer.sgd={lr: 1}",
                "optimizer.groups=[{parameters: " + parameters + ", lr: 2}]"), device, arena, Schedule.constant());
        for (Parameter parameter : arena.modelOrder()) {
            Buffers.write(parameter.gradient(), -1);
        }
        optimizer.beginStep();
        optimizer.bind(0, arena.elementCount()).enqueue(device.computeStream());
        List<String> found = arena.modelOrder().stream()
                .map(parameter -> "" + (int) Buffers.read(parameter.value())[0]).toList();
        assertEquals(rates, String.join(" ", found));
    }

    @ParameterizedTest
    @ValueSource(strings = {"bias", "3.*", "0_weight", "\\\\E.*", "0.weigh"})
    void shouldRefuseAGroupThatNamesNoParameter(String name) {
        String groups = "optimizer.groups=[{parameters: norms, lr: 1}, {parameters: [biases, \"" + name + "\"], lr: 1}]";
        String message = assertThrows(InvalidInputException.class,
                () -> SmallJobs.sources(SmallJobs.job(groups), 1)).getMessage();
        assertEquals("optimizer.groups.1.parameters: '" + name.replace("\\\\", "\\") + "' is no parameter's name; give"
                + " biases, norms or a pattern of names from 0.weight to 2.bias", message);
    }

    /** 50 samples in batches of 8 are 7 steps of one rank, and 4 of two. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void shouldLogTheRatesThatStepsWereTakenWith(int ranks) {
        int steps = ranks == 1 ? 7 : 4;
        RankThreads.run(ranks, Duration.ofSeconds(60), communicator -> {
            List<Double> rates = new ArrayList<>();
            TrainingListener listener = new TrainingListener() {
                @Override
                public void stepLogged(long step, double loss, double learningRate) {
                    rates.add(learningRate);
                }
            };
            try (Device device = new ReferenceDevice()) {
                Trainer trainer = SmallJobs.trainer(SmallJobs.job("optimizer.adamw.lr=0.01", "log.every-steps=1",
                        "optimizer.groups=[{parameters: biases, lr: 1}]",
                        "schedule={warmup-epochs: 1, step: {every-epochs: 1, gamma: 0.5}, scale-lr: linear}"), device,
                        communicator, listener);
                List<Double> ends = IntStream.rangeClosed(1, 3)
                        .mapToObj(epoch -> trainer.trainEpoch(epoch, Trainer.StepHook.NONE).learningRate()).toList();
                double full = 0.01 * ranks;
                assertEquals(List.of(full, full, full / 2), ends);
                for (int step = 0; step < 3 * steps; step++) {
                    double expected = step < steps ? full * (step + 1) / steps : step < 2 * steps ? full : full / 2;
                    assertEquals(expected, rates.get(step), 1e-15, "step " + (step + 1));
                }
            }
        });
    }
}
