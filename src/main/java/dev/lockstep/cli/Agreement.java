package dev.lockstep.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.Communicator;
import dev.lockstep.device.OutOfDeviceMemoryException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Steps of the start-up that any rank may find fault with, by its own files or its own machine. All ranks learn of it
 * before any goes on, so that none is left waiting for one that has ended.
 */
final class Agreement {
    private Agreement() {
    }

    /** Every rank's record of one type, by rank. Collective. */
    @SuppressWarnings("unchecked") // a record's class is that of the record
    static <T extends Record> List<T> gather(Communicator communicator, T own) {
        JsonMapper mapper = new JsonMapper();
        try {
            List<T> all = new ArrayList<>();
            for (byte[] bytes : communicator.allGather(mapper.writeValueAsBytes(own))) {
                all.add((T) mapper.readValue(bytes, own.getClass()));
            }
            return List.copyOf(all);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What rank 0 finds, on every rank; as {@link #onAllRanks}. Collective. */
    static boolean onRank0(Communicator communicator, BooleanSupplier step) {
        boolean found = onAllRanks(communicator, () -> communicator.rank() == 0 && step.getAsBoolean());
        return communicator.allGather(found ? new byte[1] : new byte[0]).get(0).length > 0;
    }

    /**
     * Runs {@code step} on every rank and returns its result. Collective.
     *
     * @throws InvalidInputException on every rank, with the lowest failing rank's message, if any rank's step threw one
     */
    static <T> T onAllRanks(Communicator communicator, Supplier<T> step) {
        T result = null;
        String error = "";
        try {
            result = step.get();
        } catch (InvalidInputException | OutOfDeviceMemoryException e) {
            error = e.getMessage();
        }
        List<String> errors = new ArrayList<>();
        List<Integer> failed = new ArrayList<>();
        List<byte[]> all = communicator.allGather(
                error.isEmpty() ? new byte[0] : (Machine.hostName() + "\n" + error).getBytes(StandardCharsets.UTF_8));
        for (int rank = 0; rank < all.size(); rank++) {
            if (all.get(rank).length > 0) {
                failed.add(rank);
                errors.add(new String(all.get(rank), StandardCharsets.UTF_8));
            }
        }
        if (!failed.isEmpty()) {
            String[] hostAndMessage = errors.get(0).split("\n", 2);
            boolean onEveryRank = failed.size() == communicator.size();
            throw new InvalidInputException(hostAndMessage[1] + (onEveryRank ? ""
                    : " (found by rank " + failed.get(0) + " on host " + hostAndMessage[0] + ")"));
        }
        return result;
    }
}
