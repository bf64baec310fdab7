package dev.lockstep.comm.mpi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;

class MpiCommunicatorTest {
    @Test
    void shouldKnowAnMpiLauncherByItsEnvironment() {
        assertTrue(MpiCommunicator.launchedByMpi(Map.of("OMPI_COMM_WORLD_SIZE", "1")));
        assertTrue(MpiCommunicator.launchedByMpi(Map.of("PMIX_RANK", "0")));
        assertFalse(MpiCommunicator.launchedByMpi(Map.of("OMPI_MCA_btl", "self", "SLURM_PROCID", "0")));
    }

    @Test
    void shouldShortenTheLibrarysName() {
        assertEquals(
                "Open MPI 4.1.4",
                MpiCommunicator.shortVersion(
                        "Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4, repo rev: v4.1.4, May 26, 2022"));
        assertEquals("Open MPI 5.0.7rc1", MpiCommunicator.shortVersion("Open MPI v5.0.7rc1, package: x"));
        assertEquals("Other MPI 3", MpiCommunicator.shortVersion("Other MPI 3\nbuilt today"));
    }
}
