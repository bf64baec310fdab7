package dev.lockstep.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.device.DataType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes tensors in the safetensors format: a length, a JSON header of names, types, shapes and offsets, and the raw
 * little-endian values.
 */
final class Safetensors {
    /** Some of a tensor's values, little-endian. */
    interface Part {
        /** Asked for when they are to be written. */
        ByteBuffer bytes() throws IOException;
    }

    /**
     * A named tensor, its values in one part after the other.
     *
     * @param type {@link #F32} or {@link #I64}
     */
    record Tensor(String name, String type, long[] shape, long byteCount, List<Part> parts) {
    }

    /** The format's names of FLOAT32 and INT64. */
    static final String F32 = "F32";
    static final String I64 = "I64";

    private static final ObjectMapper JSON = new ObjectMapper();
    /** The header is padded so that the values start aligned. */
    private static final int ALIGNMENT_BYTES = 8;
    /** Checked and written while it lies in the processor's cache. */
    private static final int PIECE_BYTES = 1 << 18;

    private Safetensors() {
    }

    static String typeName(DataType type) {
        return switch (type) {
            case FLOAT32 -> F32;
            case INT64 -> I64;
            default -> throw new IllegalArgumentException("a tensor of " + type);
        };
    }

    /**
     * Writes {@code file}, which must not exist, and waits until it is on the disk. The wide types come first, so that each
     * value lies at a multiple of its size, as readers want that map the file.
     *
     * @throws NotFiniteException for a value that is NaN or infinite
     */
    static BytesSum write(Path file, List<Tensor> unordered, Map<String, String> metadata) throws IOException {
        List<Tensor> tensors = unordered.stream().sorted(Comparator.comparing(tensor -> !tensor.type().equals(I64))).toList();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            BytesSum.Builder sum = new BytesSum.Builder();
            Writeback writeback = new Writeback(channel);
            writeFully(channel, header(tensors, metadata), sum);
            long[] piece = new long[PIECE_BYTES / Long.BYTES];
            for (Tensor tensor : tensors) {
                writeValues(channel, tensor, piece, sum, writeback);
            }
            writeback.finish();
            return sum.build();
        }
    }

    private static ByteBuffer header(List<Tensor> tensors, Map<String, String> metadata) {
        Map<String, Object> header = new LinkedHashMap<>();
        header.put("__metadata__", metadata);
        long offset = 0;
        for (Tensor tensor : tensors) {
            long end = offset + tensor.byteCount();
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("dtype", tensor.type());
            entry.put("shape", tensor.shape());
            entry.put("data_offsets", new long[] {offset, end});
            header.put(tensor.name(), entry);
            offset = end;
        }
        byte[] json = json(header);
        int padded = (json.length + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
        byte[] text = Arrays.copyOf(json, padded);
        Arrays.fill(text, json.length, padded, (byte) ' ');
        return ByteBuffer.allocate(Long.BYTES + padded).order(ByteOrder.LITTLE_ENDIAN).putLong(padded).put(text)
                .flip();
    }

    private static byte[] json(Map<String, Object> header) {
        try {
            return JSON.writeValueAsString(header).getBytes(StandardCharsets.UTF_8);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a header that is no JSON: " + header, e);
        }
    }

    private static void writeValues(FileChannel channel, Tensor tensor, long[] piece, BytesSum.Builder sum,
            Writeback writeback) throws IOException {
        long element = 0;
        for (Part part : tensor.parts()) {
            ByteBuffer values = part.bytes();
            for (int at = 0; at < values.capacity(); at += PIECE_BYTES) {
                ByteBuffer bytes = values.slice(at, Math.min(PIECE_BYTES, values.capacity() - at))
                        .order(ByteOrder.LITTLE_ENDIAN);
                if (tensor.type().equals(F32)) {
                    NotFiniteException.check(bytes, piece, tensor.name(), element);
                    element += bytes.remaining() / Float.BYTES;
                }
                int byteCount = bytes.remaining();
                writeFully(channel, bytes, sum);
                writeback.wrote(byteCount);
            }
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes, BytesSum.Builder sum) throws IOException {
        sum.add(bytes.duplicate());
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
