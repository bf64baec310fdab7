package dev.lockstep.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.lockstep.InvalidInputException;
import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Reads a safetensors file whoever wrote it. What its header claims is held against the file's length before anything is
 * allocated; every complaint is an InvalidInputException that names the file.
 */
final class SafetensorsReader {
    /** A tensor's place among the values. */
    private record Entry(String type, long[] shape, long begin, long end) {
    }

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();
    private static final String METADATA = "__metadata__";
    /** Some 40 000 tensors. */
    private static final int LARGEST_HEADER_BYTES = 4 << 20;
    /** Summed, checked and copied while it lies in the processor's cache. */
    private static final int PIECE_BYTES = 1 << 18;

    private final Path file;
    private final BytesSum.Builder sumOfHeader = new BytesSum.Builder();
    private final long firstValueByte;
    private final Map<String, Entry> tensors = new LinkedHashMap<>();

    private SafetensorsReader(Path file, FileChannel channel) throws IOException {
        this.file = file;
        ByteBuffer length = read(channel, 0, Long.BYTES);
        long headerBytes = length.getLong();
        long left = channel.size() - Long.BYTES;
        if (headerBytes < 2 || headerBytes > Math.min(left, LARGEST_HEADER_BYTES)) {
            throw damaged("a header of " + Long.toUnsignedString(headerBytes) + " bytes in a file of " + channel.size());
        }
        firstValueByte = Long.BYTES + headerBytes;
        ByteBuffer text = read(channel, Long.BYTES, (int) headerBytes);
        sumOfHeader.add(length.rewind());
        sumOfHeader.add(text.duplicate());
        JsonNode header;
        try {
            header = JSON.readTree(text.array());
        } catch (JsonProcessingException e) {
            throw damaged("its header is no JSON");
        }
        if (!header.isObject()) {
            throw damaged("its header is no JSON object");
        }
        for (Map.Entry<String, JsonNode> tensor : header.properties()) {
            if (!tensor.getKey().equals(METADATA)) {
                tensors.put(tensor.getKey(), entry(tensor.getKey(), tensor.getValue(), left - headerBytes));
            }
        }
    }

    /** Reads the header. */
    static SafetensorsReader open(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return new SafetensorsReader(file, channel);
        } catch (EOFException e) {
            throw new InvalidInputException(file + " is no whole safetensors file (it ends too soon); name another");
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private Entry entry(String name, JsonNode json, long valueBytes) {
        JsonNode offsets = json.path("data_offsets");
        if (!json.path("dtype").isTextual() || !areWhole(json.path("shape")) || !areWhole(offsets) || offsets.size() != 2
                || offsets.get(0).longValue() > offsets.get(1).longValue() || offsets.get(1).longValue() > valueBytes) {
            throw damaged("its header says of " + quoted(name) + " what cannot be");
        }
        long[] shape = new long[json.get("shape").size()];
        Arrays.setAll(shape, i -> json.get("shape").get(i).longValue());
        return new Entry(json.get("dtype").textValue(), shape, offsets.get(0).longValue(), offsets.get(1).longValue());
    }

    private static boolean areWhole(JsonNode numbers) {
        if (!numbers.isArray()) {
            return false;
        }
        for (JsonNode number : numbers) {
            if (!number.isIntegralNumber() || !number.canConvertToLong() || number.longValue() < 0) {
                return false;
            }
        }
        return true;
    }

    /**
     * Overwrites the targets with the tensors of their names, reading each once, in the file's order. To be called once.
     *
     * @return the sum of the header and of all values in that order: the file's own if its tensors lie end to end, as in those
     *         that {@link Safetensors} writes
     * @throws InvalidInputException if the file has other names, shapes or types, or a value that is not
     *                               finite; the targets may be half overwritten then
     */
    BytesSum readInto(List<NamedTensor> targets) {
        Map<String, NamedTensor> byName = targets.stream().collect(Collectors.toMap(NamedTensor::name, target -> target));
        for (String name : tensors.keySet()) {
            if (!byName.containsKey(name)) {
                throw new InvalidInputException(file + " holds a tensor " + quoted(name) + ", which the model does not have; "
                        + "it takes " + names(byName.size(), targets));
            }
        }
        for (NamedTensor target : targets) {
            check(target);
        }
        BytesSum.Builder sum = sumOfHeader;
        ByteBuffer piece = ByteBuffer.allocateDirect(PIECE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        long[] scratch = new long[PIECE_BYTES / Long.BYTES];
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            for (NamedTensor target : inFileOrder(targets)) {
                read(channel, target, piece, scratch, sum);
            }
            return sum.build();
        } catch (NotFiniteException e) {
            throw new InvalidInputException(file + ": " + e.getMessage() + "; name a file of finite values");
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    /**
     * All tensors, in the file's order, their values read when they are asked for: a file that is cut short meanwhile is an
     * error then, where mapped memory would end the process.
     */
    List<Safetensors.Tensor> tensors() {
        List<Safetensors.Tensor> all = new ArrayList<>();
        for (Map.Entry<String, Entry> tensor : tensors.entrySet()) {
            List<Safetensors.Part> parts = new ArrayList<>();
            Entry entry = tensor.getValue();
            for (long at = entry.begin; at < entry.end; at += PIECE_BYTES) {
                long begin = firstValueByte + at;
                int bytes = (int) Math.min(PIECE_BYTES, entry.end - at);
                parts.add(() -> read(begin, bytes));
            }
            all.add(new Safetensors.Tensor(tensor.getKey(), entry.type, entry.shape, entry.end - entry.begin, parts));
        }
        return all;
    }

    private ByteBuffer read(long position, int bytes) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return read(channel, position, bytes);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private static String names(int count, List<NamedTensor> tensors) {
        return count == 0 ? "none" : tensors.get(0).name() + (count == 1 ? "" : " to " + tensors.get(count - 1).name());
    }

    private void check(NamedTensor target) {
        Entry entry = tensors.get(target.name());
        if (entry == null) {
            throw new InvalidInputException(file + " holds no tensor '" + target.name() + "', which the model has; save the"
                    + " state_dict of an nn.Sequential of the same layers");
        }
        if (!Arrays.equals(entry.shape, target.shape())) {
            throw new InvalidInputException(file + ": " + target.name() + " has the shape " + Arrays.toString(entry.shape)
                    + ", but the model's is " + Arrays.toString(target.shape()) + "; make the layers alike");
        }
        String type = Safetensors.typeName(target.type());
        if (!entry.type.equals(type)) {
            throw new InvalidInputException(file + ": " + target.name() + " is of type " + quoted(entry.type)
                    + ", and only " + type + " is taken; save model.float().state_dict()");
        }
        if (entry.end - entry.begin != target.elementCount() * target.type().bytes()) {
            throw damaged("its header gives " + target.name() + " " + (entry.end - entry.begin) + " bytes");
        }
    }

    private List<NamedTensor> inFileOrder(List<NamedTensor> targets) {
        return targets.stream().sorted(Comparator.comparingLong(target -> tensors.get(target.name()).begin)).toList();
    }

    private void read(FileChannel channel, NamedTensor target, ByteBuffer piece, long[] scratch, BytesSum.Builder sum)
            throws IOException {
        DeviceBuffer values = target.values();
        long begin = firstValueByte + tensors.get(target.name()).begin;
        int elementBytes = target.type().bytes();
        long pieceElements = PIECE_BYTES / elementBytes;
        for (long first = 0; first < values.elementCount(); first += pieceElements) {
            int count = (int) Math.min(pieceElements, values.elementCount() - first);
            fill(piece.clear().limit(count * elementBytes), channel, begin + first * elementBytes);
            sum.add(piece.duplicate());
            if (target.type() == DataType.FLOAT32) {
                NotFiniteException.check(piece, scratch, target.name(), first);
            }
            values.slice(first, count).copyFromHost(piece);
        }
    }

    private static ByteBuffer read(FileChannel channel, long position, int bytes) throws IOException {
        // Not more than there is: a header may claim anything.
        if (bytes > channel.size() - position) {
            throw new EOFException("it ends too soon");
        }
        return fill(ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN), channel, position);
    }

    /** Fills {@code empty} from the file's byte {@code position} on. */
    private static ByteBuffer fill(ByteBuffer empty, FileChannel channel, long position) throws IOException {
        while (empty.hasRemaining()) {
            if (channel.read(empty, position + empty.position()) < 0) {
                throw new EOFException("it ends too soon");
            }
        }
        return empty.flip();
    }

    private static String quoted(String text) {
        String start = text.length() <= 60 ? text : text.substring(0, 60) + "...";
        return "'" + start.replaceAll("\\p{Cntrl}", "?") + "'";
    }

    private InvalidInputException damaged(String how) {
        return new InvalidInputException(file + " is no whole safetensors file (" + how + "); name another");
    }

    private static InvalidInputException unreadable(Path file, IOException e) {
        return new InvalidInputException(file + " cannot be read (" + IoMessages.of(e) + "); name a safetensors file", e);
    }
}
