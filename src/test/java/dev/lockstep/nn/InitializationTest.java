package dev.lockstep.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.Golden;
import dev.lockstep.device.Activation;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.random.Mt19937;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/** Initial parameters of whole models, bit for bit those of PyTorch. */
class InitializationTest {
    private static final Pattern LINEAR = Pattern.compile("in: (\\d+), out: (\\d+)");

    private final Device device = new ReferenceDevice();

    @Test
    void shouldDrawTheParametersOfEveryLayerAsPyTorch() {
        for (JsonNode golden : Golden.cases("linear")) {
            List<Module> modules = new ArrayList<>();
            for (int i = 0; i + 1 < golden.get("sizes").size(); i++) {
                modules.add(new Linear(golden.get("sizes").get(i).asInt(), golden.get("sizes").get(i + 1).asInt()));
                modules.add(new ActivationModule(Activation.RELU));
            }
            ParameterArena arena = initialized(new Sequential(modules), golden.get("seed").asLong());
            for (int layer = 0; layer < golden.get("layers").size(); layer++) {
                for (String name : List.of("weight", "bias")) {
                    assertEquals(Golden.brief(golden.get("layers").get(layer).get(name)),
                            Golden.brief(Buffers.readFloats(arena.parameter(2 * layer + "." + name).value())),
                            "layer " + layer + ", " + name + ", of " + golden.get("sizes") + ", seed "
                                    + golden.get("seed"));
                }
            }
        }
    }

    /** By the hash that the golden training runs have recorded. */
    @Test
    void shouldStartTheGoldenTrainingRunsFromPyTorchsParameters() throws NoSuchAlgorithmException {
        for (JsonNode golden : Golden.cases("training/training")) {
            String settings = golden.get("settings").toString();
            List<Module> modules = new ArrayList<>();
            for (MatchResult linear : LINEAR.matcher(settings).results().toList()) {
                modules.add(new Linear(Integer.parseInt(linear.group(1)), Integer.parseInt(linear.group(2))));
                modules.add(new ActivationModule(Activation.TANH));
            }
            assertTrue(modules.size() >= 4, settings);
            long seed = StreamSupport.stream(golden.get("settings").spliterator(), false).map(JsonNode::asText)
                    .filter(setting -> setting.startsWith("seed=")).mapToLong(s -> Long.parseLong(s.substring(5)))
                    .findFirst().orElseThrow();
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (Parameter parameter : initialized(new Sequential(modules), seed).modelOrder()) {
                float[] values = Buffers.readFloats(parameter.value());
                ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
                bytes.asFloatBuffer().put(values);
                digest.update(bytes);
            }
            assertEquals(golden.get("initial_weights").get("sha256").asText(),
                    HexFormat.of().formatHex(digest.digest()), golden.get("name").asText());
        }
    }

    private ParameterArena initialized(Sequential model, long seed) {
        ParameterArena arena = new ParameterArena(device, model.parameterShapes(), false);
        model.initialize(new Mt19937(seed), arena::parameter);
        return arena;
    }
}
