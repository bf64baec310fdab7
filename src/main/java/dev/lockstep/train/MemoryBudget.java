package dev.lockstep.train;

import java.util.Optional;

/**
 * The memory that a rank shares with others.
 *
 * @param ranksHere ranks on this machine
 * @param hostBytes memory of the machine that these can have between them
 * @param gpu       where the rank's arrays lie; none where that is the machine's own memory
 */
public record MemoryBudget(int ranksHere, long hostBytes, Optional<Gpu> gpu) {
    /**
     * @param name          in messages
     * @param ranks         that share it
     * @param freeBytes     that these can have between them
     * @param overheadBytes what each of them takes beside the job's arrays
     */
    public record Gpu(String name, int ranks, long freeBytes, long overheadBytes) {
    }

    /** Of a rank that computes in the machine's memory. */
    public static MemoryBudget ofHost(int ranksHere, long hostBytes) {
        return new MemoryBudget(ranksHere, hostBytes, Optional.empty());
    }
}
