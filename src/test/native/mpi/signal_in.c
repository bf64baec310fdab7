// An MPI in whose beginning or end a signal comes: preloaded, with SIGNAL_IN=FUNCTION SIGNAL_RANK=N SIGNAL=NUMBER.
#include <mpi.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void signal_in(const char *function) {
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (strcmp(getenv("SIGNAL_IN"), function) == 0 && rank && strcmp(getenv("SIGNAL_RANK"), rank) == 0) {
        raise(atoi(getenv("SIGNAL")));
    }
}

int MPI_Init_thread(int *count, char ***arguments, int wanted, int *granted) {
    signal_in("MPI_Init");
    return PMPI_Init_thread(count, arguments, wanted, granted);
}

int MPI_Finalize(void) {
    signal_in("MPI_Finalize");
    const int status = PMPI_Finalize();
    signal_in("after MPI_Finalize");
    return status;
}
