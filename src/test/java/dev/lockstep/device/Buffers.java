package dev.lockstep.device;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Device buffers from numbers and back, for tests. Every element type's values are exact as doubles. */
public final class Buffers {
    private Buffers() {
    }

    /** A new buffer of {@code type} holding {@code values}, rounded to it. */
    public static DeviceBuffer of(Device device, DataType type, double... values) {
        DeviceBuffer buffer = device.allocate(type, values.length);
        write(buffer, values);
        return buffer;
    }

    public static DeviceBuffer floats(Device device, double... values) {
        return of(device, DataType.FLOAT32, values);
    }

    public static DeviceBuffer ints(Device device, int... values) {
        return of(device, DataType.INT32, Arrays.stream(values).asDoubleStream().toArray());
    }

    /** A new matrix with {@code values} row by row. */
    public static Matrix matrix(Device device, DataType type, int rows, int columns, double... values) {
        return new Matrix(of(device, type, values), rows, columns);
    }

    /** Overwrites the whole buffer. */
    public static void write(DeviceBuffer buffer, double... values) {
        ByteBuffer host = host(Math.multiplyExact(values.length, buffer.type().bytes()));
        for (double value : values) {
            switch (buffer.type()) {
                case FLOAT32 -> host.putFloat((float) value);
                case FLOAT64 -> host.putDouble(value);
                case INT32 -> host.putInt((int) value);
                case INT64 -> host.putLong((long) value);
                case UINT8 -> host.put((byte) (int) value);
                case BFLOAT16 -> host.putShort(bfloat16((float) value));
            }
        }
        buffer.copyFromHost(host.flip());
    }

    public static double[] read(DeviceBuffer buffer) {
        ByteBuffer host = host(Math.toIntExact(buffer.byteCount()));
        buffer.copyToHost(host);
        double[] values = new double[Math.toIntExact(buffer.elementCount())];
        for (int i = 0; i < values.length; i++) {
            values[i] = switch (buffer.type()) {
                case FLOAT32 -> host.getFloat(i * Float.BYTES);
                case FLOAT64 -> host.getDouble(i * Double.BYTES);
                case INT32 -> host.getInt(i * Integer.BYTES);
                case INT64 -> host.getLong(i * Long.BYTES);
                case UINT8 -> Byte.toUnsignedInt(host.get(i));
                case BFLOAT16 -> Float.intBitsToFloat(host.getShort(i * Short.BYTES) << Short.SIZE);
            };
        }
        return values;
    }

    /** A FLOAT32 buffer's elements. */
    public static float[] readFloats(DeviceBuffer buffer) {
        double[] values = read(buffer);
        float[] floats = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }

    /** The bits of {@code value} rounded to nearest, ties to even. */
    public static short bfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) (bits >>> Short.SIZE | 0x40);
        }
        return (short) (bits + 0x7fff + (bits >>> Short.SIZE & 1) >>> Short.SIZE);
    }

    private static ByteBuffer host(int byteCount) {
        return ByteBuffer.allocateDirect(byteCount).order(ByteOrder.nativeOrder());
    }
}
