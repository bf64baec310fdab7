package dev.lockstep.comm;

/**
 * Brings what is to be summed to the memory that the communication library reads, and the sum back. Called before and after
 * each sum, by the thread that runs it.
 */
public interface HostTransfer {
    /** For memory that the library reads directly. */
    HostTransfer NONE = new HostTransfer() {
        @Override
        public void fetch() {
            // It is there.
        }

        @Override
        public void store() {
            // It is there.
        }
    };

    /** Blocks until this rank's part is in host memory. */
    void fetch();

    /** Sends the sum back; need not wait for it to arrive. */
    void store();
}
