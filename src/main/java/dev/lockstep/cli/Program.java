package dev.lockstep.cli;

import java.nio.file.Path;

/**
 * This program as it was built.
 *
 * @param version     {@code "0.1.0"}
 * @param commit      of the working tree that it was built in, {@code "63652ab"}, with {@code -dirty} where it differed
 * @param mpiVersion  of the Open MPI that it was built for, {@code "4.1.4"}
 * @param mpiLibraries the folder of that Open MPI's libraries
 */
record Program(String version, String commit, String mpiVersion, String mpiLibraries) {
    private static final String UNKNOWN = "unknown";

    static Program current() {
        String version = Program.class.getPackage().getImplementationVersion();
        String home = System.getProperty("lockstep.home", "");
        Path build = Path.of(home, "target");
        return new Program(version == null ? UNKNOWN : version, read(build.resolve("commit")),
                read(build.resolve("mpi/version")), read(build.resolve("mpi/libdir")));
    }

    /** What ranks that run the same program have in common. */
    String identity() {
        return version + " " + commit;
    }

    private static String read(Path file) {
        return Machine.firstLine(file).orElse(UNKNOWN);
    }
}
