package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.PrivateFolder;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.local.SingleRank;
import dev.lockstep.comm.mpi.MpiCommunicator;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;

/**
 * How this process was started, by the environment that it was given; known before MPI is.
 *
 * @param launcher         {@code "mpirun"}, {@code "srun"}, or {@code "itself"}
 * @param rank             0 where nothing is said
 * @param size             processes that were started together
 * @param onOneMachine     whether all of them run on this machine
 * @param mpi              whether MPI can know the others
 * @param failureClaimFile the processes of one job on one machine, and no others, have this path in common
 */
record Launch(String launcher, int rank, int size, boolean onOneMachine, boolean mpi, Path failureClaimFile) {
    static Launch of(Map<String, String> environment) {
        boolean mpirun = environment.containsKey("OMPI_COMM_WORLD_SIZE");
        boolean srun = !mpirun && environment.containsKey("SLURM_STEP_NUM_TASKS");
        int size;
        int rank;
        boolean onOneMachine = true;
        if (mpirun) {
            size = number(environment, "OMPI_COMM_WORLD_SIZE", 1);
            rank = number(environment, "OMPI_COMM_WORLD_RANK", 0);
            onOneMachine = number(environment, "OMPI_COMM_WORLD_LOCAL_SIZE", size) == size;
        } else if (srun) {
            size = number(environment, "SLURM_STEP_NUM_TASKS", 1);
            rank = number(environment, "SLURM_PROCID", 0);
            onOneMachine = number(environment, "SLURM_STEP_NUM_NODES", 1) == 1;
        } else {
            // Another MPI's mpirun.
            size = number(environment, "PMI_SIZE", 1);
            rank = number(environment, "PMI_RANK", 0);
        }
        String launcher = srun ? "srun" : mpirun || environment.containsKey("PMI_SIZE") ? "mpirun" : "itself";
        return new Launch(launcher, rank, size, onOneMachine, MpiCommunicator.launchedByMpi(environment),
                failureClaimFile(environment));
    }

    /** In the folder that the launcher made for this job and will remove, else in the user's own among the temporary files. */
    private static Path failureClaimFile(Map<String, String> environment) {
        String job = Stream.of("SLURM_JOB_ID", "SLURM_RESTART_COUNT", "SLURM_STEP_ID", "PMIX_NAMESPACE")
                .filter(environment::containsKey).map(environment::get).reduce((a, b) -> a + "." + b)
                .orElse("started-by-" + ProcessHandle.current().parent().map(ProcessHandle::pid).orElse(0L));
        String name = "lockstep-failure-" + job.replaceAll("[^A-Za-z0-9.-]", "_");
        String sessionDirectory = environment.get("PMIX_SERVER_TMPDIR");
        return sessionDirectory != null && PrivateFolder.isPrivate(Path.of(sessionDirectory))
                ? Path.of(sessionDirectory, name) : PrivateFolder.temporary().resolve(name);
    }

    /** Whether major and minor version agree: the Java classes and the library below them must be of one kind. */
    static boolean sameRelease(String description, String builtFor) {
        String[] version = builtFor.split("\\.");
        return version.length < 2 || description.startsWith("Open MPI " + version[0] + "." + version[1] + ".");
    }

    private static int number(Map<String, String> environment, String name, int defaultValue) {
        try {
            return Integer.parseInt(environment.getOrDefault(name, "" + defaultValue));
        } catch (NumberFormatException e) {
            return defaultValue;
        }
    }

    /**
     * All processes that were started together, or this one alone. Collective.
     *
     * @throws InvalidInputException if several were started that cannot reach each other: each would do the whole job,
     *                               and all would write the same files; or if the MPI library is another than the one
     *                               that the program was built for
     */
    Communicator openCommunicator(Program program) {
        Communicator communicator = mpi ? MpiCommunicator.init(new String[0]) : new SingleRank();
        if (mpi && !sameRelease(communicator.description(), program.mpiVersion())) {
            throw new InvalidInputException("this program was built for Open MPI " + program.mpiVersion()
                    + ", but runs with " + communicator.description() + "; use that mpirun, or run 'make clean build'"
                    + " with the other in PATH");
        }
        if (communicator.size() == 1 && size > 1) {
            throw new InvalidInputException(launcher.equals("srun")
                    ? "srun started " + size + " tasks, but each is alone for MPI, as srun has no PMIx for this Open MPI;"
                            + " use srun --mpi=pmix, or mpirun inside sbatch"
                    : "mpirun started " + size + " processes, but each is alone for MPI; use the mpirun of Open MPI "
                            + program.mpiVersion() + ", which lockstep was built for (" + program.mpiLibraries() + ")");
        }
        return communicator;
    }
}
