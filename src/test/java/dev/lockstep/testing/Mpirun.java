package dev.lockstep.testing;

import java.nio.file.Path;
import java.util.List;

/** Commands under {@code mpirun}, as tests need it: quiet, more ranks than cores allowed, and whoever the user is. */
public final class Mpirun {
    private Mpirun() {}

    /** {@code mpirun} with {@code count} ranks of the command that {@link ProcessRun#arguments} adds. */
    public static ProcessRun ranks(int count) {
        return configured(ProcessRun.command("mpirun", "-np", Integer.toString(count)));
    }

    /** The same for a command that calls {@code mpirun} itself. */
    public static ProcessRun configured(ProcessRun run) {
        return run.environment("OMPI_ALLOW_RUN_AS_ROOT", "1")
                .environment("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
                .environment("OMPI_MCA_rmaps_base_oversubscribe", "1")
                // Several tests' ranks would otherwise be bound to the same first cores.
                .environment("OMPI_MCA_hwloc_base_binding_policy", "none")
                // A rank has two threads; one that spins in MPI would keep a core from those that it waits for.
                .environment("OMPI_MCA_mpi_yield_when_idle", "1")
                .environment("OMPI_MCA_pml", "ob1")
                .environment("OMPI_MCA_btl", "self,vader,tcp");
    }

    /** {@code count} ranks of a main class with this test's class path. */
    public static ProcessRun ranks(int count, Class<?> main, List<String> jvmOptions, String... arguments) {
        // mpirun rewrites the arguments of a command named java.
        return ranks(count)
                .arguments("sh", "-c", "exec \"$@\"", "sh")
                .arguments(Path.of(System.getProperty("java.home"), "bin", "java").toString())
                .arguments("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
                .arguments(jvmOptions.toArray(String[]::new))
                .arguments("-cp", System.getProperty("java.class.path"), main.getName())
                .arguments(arguments);
    }
}
