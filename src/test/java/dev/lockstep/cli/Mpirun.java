package dev.lockstep.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Starts ranks as a user does, on however few cores there are. */
public final class Mpirun {
    private Mpirun() {
    }

    /**
     * Runs {@code command} in the project's folder; fails if that takes longer than a minute. For {@code java}, the
     * class path is this process's.
     *
     * @param options of mpirun
     */
    public static ProcessRun of(int ranks, List<String> options, List<String> command) throws Exception {
        return of(ranks, options, command, Map.of());
    }

    /** @param environment on top of this process's */
    public static ProcessRun of(int ranks, List<String> options, List<String> command, Map<String, String> environment)
            throws Exception {
        Map<String, String> all = new HashMap<>();
        all.put("OMPI_ALLOW_RUN_AS_ROOT", "1");
        all.put("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
        // In the environment, since mpirun takes any argument of java that contains "cp" for a class path.
        all.put("CLASSPATH", System.getProperty("java.class.path"));
        all.put("LD_LIBRARY_PATH", Files.readString(Path.of("target/mpi/libdir")).strip());
        all.putAll(environment);
        List<String> line = new ArrayList<>(List.of("mpirun", "-np", "" + ranks, "--oversubscribe"));
        line.addAll(options);
        line.addAll(command);
        return ProcessRun.of(Path.of("").toAbsolutePath(), all, line);
    }
}
