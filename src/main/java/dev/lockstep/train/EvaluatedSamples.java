package dev.lockstep.train;

import dev.lockstep.device.DataType;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Stream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Targets of some samples and what the model gave for them, where Java computes. The memory is that of a part of a batch,
 * however large that is; each part overwrites it.
 */
final class EvaluatedSamples {
    private static final int NUMBERS = 1 << 18;

    private final int capacity;
    private final int columns;
    /** [capacity, columns]. */
    private final float[] outputs;
    /** One of a sample. */
    private final int[] labels;
    /** As {@link #outputs}. */
    private final float[] values;
    private final ByteBuffer staging;
    private int size;

    /**
     * @param columns  outputs of the model
     * @param labelled whether the targets are labels, not values
     */
    EvaluatedSamples(int largestBatch, int columns, boolean labelled) {
        capacity = Math.min(largestBatch, Math.max(1, NUMBERS / columns));
        this.columns = columns;
        outputs = new float[capacity * columns];
        labels = new int[labelled ? capacity : 0];
        values = new float[labelled ? 0 : outputs.length];
        staging = ByteBuffer.allocateDirect(Math.multiplyExact(outputs.length, Float.BYTES)).order(ByteOrder.nativeOrder());
    }

    /** Samples that are held at a time. */
    int capacity() {
        return capacity;
    }

    /**
     * Waits for the device and takes the samples of a batch that lie in {@code output} from row {@code first} on.
     *
     * @param count 0 … capacity
     */
    void read(Matrix output, DeviceBuffer targets, int first, int count, Stream stream) {
        size = count;
        if (count == 0) {
            return;
        }
        stream.synchronize();
        int numbers = count * columns;
        DeviceBuffer rows = output.rows(first, count).data();
        ByteBuffer bytes = bytes(rows);
        if (rows.type() == DataType.BFLOAT16) {
            for (int i = 0; i < numbers; i++) {
                outputs[i] = Float.intBitsToFloat(bytes.getShort(i * Short.BYTES) << Short.SIZE);
            }
        } else {
            bytes.asFloatBuffer().get(outputs, 0, numbers);
        }
        if (labels.length > 0) {
            bytes(targets.slice(first, count)).asIntBuffer().get(labels, 0, count);
        } else {
            bytes(targets.slice((long) first * columns, numbers)).asFloatBuffer().get(values, 0, numbers);
        }
    }

    private ByteBuffer bytes(DeviceBuffer buffer) {
        if (buffer.isHostAccessible()) {
            return buffer.hostView();
        }
        buffer.copyToHost(staging.clear().limit(Math.toIntExact(buffer.byteCount())));
        return staging.flip();
    }

    int size() {
        return size;
    }

    float output(int sample, int column) {
        return outputs[sample * columns + column];
    }

    int label(int sample) {
        return labels[sample];
    }

    float value(int sample, int column) {
        return values[sample * columns + column];
    }

    /** The class with the largest logit; as in torch.argmax the first of equals, NaN being largest. */
    int prediction(int sample) {
        int first = sample * columns;
        int largest = first;
        for (int i = first + 1; i < first + columns; i++) {
            if (exceeds(outputs[i], outputs[largest])) {
                largest = i;
            }
        }
        return largest - first;
    }

    /** How many classes come before the label's where they are ordered by their logits, as {@link #prediction} has them. */
    int rankOfLabel(int sample) {
        int first = sample * columns;
        int label = first + labels[sample];
        int before = 0;
        for (int i = first; i < first + columns; i++) {
            if (exceeds(outputs[i], outputs[label]) || i < label && !exceeds(outputs[label], outputs[i])) {
                before++;
            }
        }
        return before;
    }

    private static boolean exceeds(float a, float b) {
        return a > b || Float.isNaN(a) && !Float.isNaN(b);
    }
}
