package dev.lockstep.device.cuda;

import java.nio.ByteBuffer;
import org.bytedeco.javacpp.Pointer;

/** An address as JavaCPP's calls take it, to be made once and used again and again. It owns nothing. */
final class Address extends Pointer {
    Address(long address) {
        this.address = address;
    }

    /** For arguments that differ from call to call. */
    Address set(long newAddress) {
        address = newAddress;
        return this;
    }

    /** Where the first remaining byte of a direct buffer lies. */
    static long of(ByteBuffer direct) {
        return getDirectBufferAddress(direct) + direct.position();
    }
}
