package dev.lockstep;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.StreamSupport;
import java.util.zip.CRC32;

/** Reads the files that src/test/resources/golden/make_random_golden.py writes, and abbreviates arrays as it does. */
public final class Golden {
    private Golden() {
    }

    /** The cases of golden/NAME.json. */
    public static List<JsonNode> cases(String name) {
        List<JsonNode> cases = new ArrayList<>();
        file(name).get("cases").forEach(cases::add);
        if (cases.isEmpty()) {
            throw new IllegalStateException("golden/" + name + ".json holds no case");
        }
        return cases;
    }

    /** All of golden/NAME.json. */
    public static JsonNode file(String name) {
        String resource = "/golden/" + name + ".json";
        try (InputStream stream = Objects.requireNonNull(Golden.class.getResourceAsStream(resource), resource)) {
            return new ObjectMapper().readTree(stream);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static double[] numbers(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).mapToDouble(JsonNode::asDouble).toArray();
    }

    /** A float from its bits in hexadecimal. */
    public static float floatOf(JsonNode bits) {
        return Float.intBitsToFloat(Integer.parseUnsignedInt(bits.asText(), 16));
    }

    /** What the script would write for {@code values}, in one string. */
    public static String brief(float[] values) {
        int[] bits = new int[values.length];
        List<String> first = new ArrayList<>();
        for (int i = 0; i < values.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
            if (i < 5) {
                first.add(String.format("\"%08x\"", bits[i]));
            }
        }
        return brief(bits, first);
    }

    /** What the script would write for {@code values}, in one string. */
    public static String brief(int[] values) {
        List<String> first = new ArrayList<>();
        for (int i = 0; i < Math.min(5, values.length); i++) {
            first.add(Integer.toString(values[i]));
        }
        return brief(values, first);
    }

    /** What the script has written, in the same form. */
    public static String brief(JsonNode expected) {
        return brief(expected.get("length").asInt(), expected.get("first").toString(), expected.get("crc32").asText());
    }

    private static String brief(int[] bits, List<String> first) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * bits.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asIntBuffer().put(bits);
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return brief(bits.length, "[" + String.join(",", first) + "]", String.format("%08x", crc.getValue()));
    }

    private static String brief(int length, String first, String crc) {
        return length + " " + first + " " + crc;
    }
}
