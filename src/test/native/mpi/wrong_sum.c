// An MPI that sums wrong: preloaded, it makes the first of at least 1000 floats one too large on rank 1.
#include <mpi.h>

int MPI_Allreduce(const void *send, void *receive, int count, MPI_Datatype type, MPI_Op op, MPI_Comm communicator) {
    const int status = PMPI_Allreduce(send, receive, count, type, op, communicator);
    int rank;
    PMPI_Comm_rank(communicator, &rank);
    if (type == MPI_FLOAT && count >= 1000 && rank == 1) {
        *(float *)receive += 1;
    }
    return status;
}
