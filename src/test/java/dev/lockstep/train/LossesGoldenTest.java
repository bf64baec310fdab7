package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.Golden;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.job.Job;
import dev.lockstep.testing.RankThreads;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The first 50 steps of SGD with each loss, beside PyTorch's in double precision. */
class LossesGoldenTest {
    private static final double RELATIVE_TOLERANCE = 1e-6;

    static Stream<Arguments> cases() {
        return Golden.cases("losses/training").stream().flatMap(golden -> Stream.of(1, 2)
                .map(ranks -> Arguments.of(golden.get("name").asText(), ranks, golden)));
    }

    @ParameterizedTest(name = "{0}, {1} ranks")
    @MethodSource("cases")
    void shouldTrainAsPyTorchDoes(String name, int ranks, JsonNode golden) {
        List<String> settings = new ArrayList<>(List.of("log.every-steps=1"));
        golden.get("settings").forEach(set -> settings.add(set.asText()));
        Job job = SmallJobs.job(settings);
        List<Double> losses = new ArrayList<>();
        RankThreads.run(ranks, Duration.ofSeconds(60), communicator -> {
            TrainingListener listener = new TrainingListener() {
                @Override
                public void stepLogged(long step, double loss, double learningRate) {
                    if (communicator.rank() == 0) {
                        losses.add(loss);
                    }
                }
            };
            try (Device device = new CpuDevice(1)) {
                SmallJobs.trainer(job, device, communicator, listener).trainEpoch(1, Trainer.StepHook.NONE);
            }
        });
        JsonNode expected = golden.get("losses");
        assertEquals(50, expected.size());
        assertEquals(expected.size(), losses.size());
        for (int i = 0; i < losses.size(); i++) {
            double loss = expected.get(i).asDouble();
            assertEquals(loss, losses.get(i), RELATIVE_TOLERANCE * loss, "step " + (i + 1));
        }
    }
}
