package dev.lockstep.data;

import dev.lockstep.device.DataType;
import dev.lockstep.device.Device;
import dev.lockstep.device.DeviceBuffer;
import dev.lockstep.device.Event;
import dev.lockstep.device.LayerOperations;
import dev.lockstep.device.Matrix;
import dev.lockstep.device.Operation;
import dev.lockstep.device.Operations;
import dev.lockstep.device.Stream;
import dev.lockstep.device.reference.ReferenceDevice;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Queue;

/**
 * A GPU's manners on the reference device: the host cannot reach the memory, and enqueued work is put off for as long
 * as anybody may. Any thread may enqueue and wait.
 */
public class DeferredDevice implements Device {
    private final ReferenceDevice reference = new ReferenceDevice();
    private final Queue<Operation> pending = new ArrayDeque<>();
    private long enqueued;
    private long done;

    @Override
    public String description() {
        return "deferred";
    }

    @Override
    public DeviceBuffer allocate(DataType type, long elementCount) {
        return new Buffer(reference.allocate(type, elementCount));
    }

    @Override
    public ByteBuffer allocateHost(int bytes) {
        return reference.allocateHost(bytes);
    }

    @Override
    public Stream newStream() {
        return computeStream();
    }

    @Override
    public Stream computeStream() {
        return new Stream() {
            @Override
            public void synchronize() {
                runTo(enqueued());
            }

            @Override
            public void waitFor(Event event) {
                event.synchronize();
            }
        };
    }

    @Override
    public Event newEvent() {
        return new Event() {
            private volatile long point;

            @Override
            public void record(Stream stream) {
                point = enqueued();
            }

            @Override
            public void synchronize() {
                runTo(point);
            }
        };
    }

    /** The reference's operations, each of them put off when it is enqueued. */
    @Override
    public Operations operations() {
        return deferred(Operations.class, reference.operations());
    }

    private <T> T deferred(Class<T> type, T maker) {
        return type.cast(Proxy.newProxyInstance(getClass().getClassLoader(), new Class<?>[] {type},
                (proxy, method, arguments) -> {
                    Object[] unwrapped = arguments == null ? new Object[0]
                            : Arrays.stream(arguments).map(DeferredDevice::unwrap).toArray();
                    try {
                        Object made = method.invoke(maker, unwrapped);
                        return made instanceof LayerOperations layers ? deferred(LayerOperations.class, layers)
                                : made instanceof Operation operation ? defer(operation) : made;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                }));
    }

    private Operation defer(Operation operation) {
        return stream -> {
            synchronized (this) {
                pending.add(operation);
                enqueued++;
            }
        };
    }

    private synchronized long enqueued() {
        return enqueued;
    }

    @Override
    public long allocatedBytes() {
        return reference.allocatedBytes();
    }

    @Override
    public void close() {
        reference.close();
    }

    private synchronized void runTo(long point) {
        for (; done < point; done++) {
            pending.remove().enqueue(reference.computeStream());
        }
    }

    private static Object unwrap(Object argument) {
        if (argument instanceof Matrix matrix) {
            return new Matrix((DeviceBuffer) unwrap(matrix.data()), matrix.rows(), matrix.columns());
        }
        if (argument instanceof LayerOperations.RandomSource source) {
            return new LayerOperations.RandomSource((DeviceBuffer) unwrap(source.counters()), source.seed(), source.rank(),
                    source.layer());
        }
        if (argument instanceof LayerOperations.RunningStatistics running) {
            return new LayerOperations.RunningStatistics((DeviceBuffer) unwrap(running.mean()),
                    (DeviceBuffer) unwrap(running.variance()), (DeviceBuffer) unwrap(running.batches()));
        }
        return argument instanceof Buffer buffer ? buffer.hidden : argument;
    }

    private final class Buffer implements DeviceBuffer {
        private final DeviceBuffer hidden;

        private Buffer(DeviceBuffer hidden) {
            this.hidden = hidden;
        }

        @Override
        public DataType type() {
            return hidden.type();
        }

        @Override
        public long elementCount() {
            return hidden.elementCount();
        }

        @Override
        public DeviceBuffer slice(long firstElement, long elementCount) {
            return new Buffer(hidden.slice(firstElement, elementCount));
        }

        @Override
        public boolean isHostAccessible() {
            return false;
        }

        @Override
        public ByteBuffer hostView() {
            throw new IllegalStateException("not host accessible");
        }

        @Override
        public void copyFromHost(ByteBuffer source) {
            hidden.copyFromHost(source);
        }

        @Override
        public void copyToHost(ByteBuffer destination) {
            runTo(enqueued());
            hidden.copyToHost(destination);
        }

        @Override
        public void copyFromHost(ByteBuffer source, Stream stream) {
            ByteBuffer bytes = source.slice();
            source.position(source.limit());
            defer(on -> hidden.copyFromHost(bytes.clear())).enqueue(stream);
        }
    }
}
