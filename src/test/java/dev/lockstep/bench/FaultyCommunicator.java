package dev.lockstep.bench;

import dev.lockstep.comm.AllReduce;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.HostTransfer;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;

/** A communicator whose sums go wrong; all else it does as the one that it wraps. */
public final class FaultyCommunicator {
    /** Prepares a reduction that goes wrong. */
    @FunctionalInterface
    public interface Fault {
        AllReduce prepare(Communicator communicator, ByteBuffer floats, HostTransfer transfer);
    }

    private FaultyCommunicator() {
    }

    public static Communicator of(Communicator communicator, Fault fault) {
        return (Communicator) Proxy.newProxyInstance(Communicator.class.getClassLoader(),
                new Class<?>[] {Communicator.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("prepareAllReduce")) {
                        return fault.prepare(communicator, (ByteBuffer) arguments[1], (HostTransfer) arguments[2]);
                    }
                    try {
                        return method.invoke(communicator, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    /** One element comes out one too large, of each sum that has it. */
    static Communicator wrongElement(Communicator communicator, int element) {
        return of(communicator, (sums, floats, transfer) -> sums.prepareAllReduce("", floats, new HostTransfer() {
            @Override
            public void fetch() {
                transfer.fetch();
            }

            @Override
            public void store() {
                int at = element * Float.BYTES;
                if (at < floats.capacity()) {
                    floats.putFloat(at, 1 + floats.getFloat(at));
                }
                transfer.store();
            }
        }));
    }

    /** This rank's numbers are left out: it contributes zeros. */
    static Communicator lostContribution(Communicator communicator) {
        return of(communicator, (sums, floats, transfer) -> sums.prepareAllReduce("", floats, new HostTransfer() {
            @Override
            public void fetch() {
                ExactSum.clear(floats);
                transfer.fetch();
            }

            @Override
            public void store() {
                transfer.store();
            }
        }));
    }
}
