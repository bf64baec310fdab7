package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LaunchTest {
    private static final Program PROGRAM = new Program("0.1.0", "abc", "4.1.4", "/usr/lib/openmpi");

    @Test
    void shouldBeAloneWithoutALauncher() {
        Launch launch = Launch.of(Map.of("SLURM_NTASKS", "4", "SLURM_PROCID", "0"));

        assertEquals("itself", launch.launcher());
        assertEquals(1, launch.size());
        assertEquals(0, launch.rank());
        assertFalse(launch.mpi());
    }

    @Test
    void shouldReadRankAndSizeFromMpirun(@TempDir Path session) {
        Launch launch = Launch.of(Map.of("OMPI_COMM_WORLD_SIZE", "8", "OMPI_COMM_WORLD_RANK", "5",
                "OMPI_COMM_WORLD_LOCAL_SIZE", "4", "PMIX_SERVER_TMPDIR", session.toString(),
                "SLURM_STEP_NUM_TASKS", "2", "SLURM_PROCID", "1"));

        assertEquals("mpirun", launch.launcher());
        assertEquals(8, launch.size());
        assertEquals(5, launch.rank());
        assertFalse(launch.onOneMachine());
        assertTrue(launch.mpi());
        assertEquals(session, launch.failureClaimFile().getParent());
    }

    @Test
    void shouldRefuseTasksOfSrunThatCannotReachEachOther() {
        Launch launch = Launch.of(Map.of("SLURM_STEP_NUM_TASKS", "4", "SLURM_PROCID", "2", "SLURM_JOB_ID", "17",
                "SLURM_STEP_ID", "0"));

        assertEquals(2, launch.rank());
        String message = assertThrows(InvalidInputException.class, () -> launch.openCommunicator(PROGRAM)).getMessage();
        assertTrue(message.startsWith("srun started 4 tasks"), message);
    }

    @Test
    void shouldRefuseRanksOfAnotherMpi() {
        Launch launch = Launch.of(Map.of("PMI_SIZE", "2", "PMI_RANK", "1"));

        String message = assertThrows(InvalidInputException.class, () -> launch.openCommunicator(PROGRAM)).getMessage();
        assertTrue(message.contains("Open MPI 4.1.4"), message);
    }

    @Test
    void shouldGiveTheTasksOfOneStepOneClaimFileAndOthersAnother() {
        Map<String, String> step = Map.of("SLURM_STEP_NUM_TASKS", "2", "SLURM_JOB_ID", "17", "SLURM_STEP_ID", "0");
        Map<String, String> nextStep = Map.of("SLURM_STEP_NUM_TASKS", "2", "SLURM_JOB_ID", "17", "SLURM_STEP_ID", "1");

        assertEquals(Launch.of(step).failureClaimFile(), Launch.of(step).failureClaimFile());
        assertNotEquals(Launch.of(step).failureClaimFile(), Launch.of(nextStep).failureClaimFile());
    }
}
