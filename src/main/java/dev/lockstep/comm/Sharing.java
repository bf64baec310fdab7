package dev.lockstep.comm;

import java.util.Optional;

/**
 * What has become of the wish for memory that ranks share; the same on all ranks.
 *
 * @param refusal why there is none, for a person; empty where there is
 */
public record Sharing<M extends HostMemory>(Optional<M> memory, String refusal) {
    public static <M extends HostMemory> Sharing<M> of(M memory) {
        return new Sharing<>(Optional.of(memory), "");
    }

    public static <M extends HostMemory> Sharing<M> refused(String why) {
        return new Sharing<>(Optional.empty(), why);
    }
}
