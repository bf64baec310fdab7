package dev.lockstep.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.device.DeviceBuffer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes tensors in the safetensors format: a length, a JSON header of names, types, shapes and offsets, and the raw
 * little-endian values.
 */
final class Safetensors {
    /** A named FLOAT32 tensor. */
    record Tensor(String name, long[] shape, DeviceBuffer values) {
    }

    private static final ObjectMapper JSON = new ObjectMapper();
    /** The header is padded so that the values start aligned. */
    private static final int ALIGNMENT_BYTES = 8;
    private static final int PIECE_BYTES = 1 << 20;

    private Safetensors() {
    }

    /** Writes {@code file}, which must not exist, and waits until it is on the disk. */
    static void write(Path file, List<Tensor> tensors, Map<String, String> metadata) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            writeFully(channel, header(tensors, metadata));
            ByteBuffer piece = ByteBuffer.allocateDirect(PIECE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            for (Tensor tensor : tensors) {
                writeValues(channel, tensor.values(), piece);
            }
            channel.force(true);
        }
    }

    private static ByteBuffer header(List<Tensor> tensors, Map<String, String> metadata) throws IOException {
        Map<String, Object> header = new LinkedHashMap<>();
        header.put("__metadata__", metadata);
        long offset = 0;
        for (Tensor tensor : tensors) {
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("dtype", "F32");
            entry.put("shape", tensor.shape());
            entry.put("data_offsets", new long[] {offset, offset + tensor.values().byteCount()});
            header.put(tensor.name(), entry);
            offset += tensor.values().byteCount();
        }
        byte[] json = JSON.writeValueAsString(header).getBytes(StandardCharsets.UTF_8);
        int padded = (json.length + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
        byte[] text = Arrays.copyOf(json, padded);
        Arrays.fill(text, json.length, padded, (byte) ' ');
        return ByteBuffer.allocate(Long.BYTES + padded).order(ByteOrder.LITTLE_ENDIAN).putLong(padded).put(text)
                .flip();
    }

    private static void writeValues(FileChannel channel, DeviceBuffer values, ByteBuffer piece) throws IOException {
        long pieceElements = PIECE_BYTES / Float.BYTES;
        for (long first = 0; first < values.elementCount(); first += pieceElements) {
            long count = Math.min(pieceElements, values.elementCount() - first);
            piece.clear().limit(Math.toIntExact(count * Float.BYTES));
            values.slice(first, count).copyToHost(piece);
            writeFully(channel, piece.flip());
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
