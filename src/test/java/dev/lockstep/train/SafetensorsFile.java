package dev.lockstep.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A file read as the safetensors format is described: the header's length as a 64-bit number, the header in JSON, the
 * values, all little-endian; tensors neither overlap nor leave gaps.
 *
 * @param bytes the values of all tensors
 */
record SafetensorsFile(Map<String, String> metadata, Map<String, Tensor> tensors, byte[] bytes) {
    /** An I64 is two values: the bits of its halves. */
    record Tensor(String type, long[] shape, float[] values) {
    }

    static SafetensorsFile read(Path file) throws IOException {
        ByteBuffer content = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        byte[] json = new byte[Math.toIntExact(content.getLong())];
        content.get(json);
        if (json[0] != '{' || content.position() % 8 != 0) {
            throw new IOException("the header must begin with { and end aligned");
        }
        byte[] bytes = new byte[content.remaining()];
        content.get(bytes);
        ByteBuffer data = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        Map<String, String> metadata = new LinkedHashMap<>();
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        JsonNode header = new ObjectMapper().readTree(json);
        long end = 0;
        for (Map.Entry<String, JsonNode> entry : header.properties()) {
            JsonNode value = entry.getValue();
            if (entry.getKey().equals("__metadata__")) {
                value.properties().forEach(pair -> metadata.put(pair.getKey(), pair.getValue().textValue()));
                continue;
            }
            long[] shape = new long[value.get("shape").size()];
            Arrays.setAll(shape, i -> value.get("shape").get(i).longValue());
            int words = value.get("dtype").textValue().equals("I64") ? 2 : 1;
            float[] values = new float[words * Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact))];
            long[] offsets = {value.get("data_offsets").get(0).longValue(), value.get("data_offsets").get(1).longValue()};
            if (offsets[0] != end || offsets[0] % (4 * words) != 0 || offsets[1] - offsets[0] != 4L * values.length) {
                throw new IOException(entry.getKey() + " lies at " + Arrays.toString(offsets) + ", after " + end);
            }
            end = offsets[1];
            data.position(Math.toIntExact(offsets[0]));
            for (int i = 0; i < values.length; i++) {
                values[i] = data.getFloat();
            }
            tensors.put(entry.getKey(), new Tensor(value.get("dtype").textValue(), shape, values));
        }
        if (end != bytes.length) {
            throw new IOException("the tensors end at " + end + " of " + bytes.length + " bytes");
        }
        return new SafetensorsFile(metadata, tensors, bytes);
    }
}
