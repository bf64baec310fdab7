package dev.lockstep.train;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.Communicator;
import dev.lockstep.data.Dataset;
import dev.lockstep.data.Targets;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What every rank must have in common before the first step: compared by hash, part by part, so that the difference
 * can be named.
 */
public final class StartupAgreement {
    private final Map<String, String> parts = new LinkedHashMap<>();

    /** Adds one part; its text decides. */
    public StartupAgreement with(String part, Object content) {
        parts.put(part, sha256(content.toString().getBytes(StandardCharsets.UTF_8)));
        return this;
    }

    /** Adds a data set's shape, not its content: a rank with another file of that size is found by its labels at most. */
    StartupAgreement withData(String part, Optional<Dataset> data) {
        return with(part, data.map(set -> set.features() + " " + set.features().data().type() + " " + describe(set.targets()))
                .orElse(""));
    }

    private static String describe(Targets targets) {
        return targets instanceof Targets.Labels labels ? labels.largest() + " " + labels.largestSample()
                : "[" + targets.data().elementCount() + "]";
    }

    /** Adds parts by name. */
    StartupAgreement withAll(Map<String, String> more) {
        more.forEach(this::with);
        return this;
    }

    /**
     * Collective.
     *
     * @throws InvalidInputException on every rank, if some rank's part differs from rank 0's
     */
    public void check(Communicator communicator) {
        byte[] mine = String.join("\n", parts.values()).getBytes(StandardCharsets.UTF_8);
        List<byte[]> all = communicator.allGather(mine);
        String[] first = new String(all.get(0), StandardCharsets.UTF_8).split("\n");
        for (int rank = 1; rank < all.size(); rank++) {
            String[] other = new String(all.get(rank), StandardCharsets.UTF_8).split("\n");
            int i = 0;
            for (String part : parts.keySet()) {
                if (i >= other.length || i >= first.length || !first[i].equals(other[i])) {
                    throw new InvalidInputException("rank " + rank + " starts with another " + part
                            + " than rank 0; every rank needs the same program, job file, options and data");
                }
                i++;
            }
        }
    }

    static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
