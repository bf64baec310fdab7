// The loop of `lockstep bench allreduce` in C: in-place sums of floats over all ranks. A line a size: bytes, and seconds a
// sum: the mean over the loop of each call's shortest time over the ranks, as the last to come waits for no other.
//
//   allreduce MIN_BYTES WARM_UP ITERATIONS...     sizes double from MIN_BYTES on; a number of iterations for each
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The program's own allocator, so that both sides sum in pages of the same kind. It uses neither of the first two.
extern long long Java_dev_lockstep_device_cpu_CpuKernels_allocate(void *environment, void *class, long long bytes);

static void sum(float *floats, int count, int iterations, double *seconds) {
    for (int i = 0; i < iterations; i++) {
        const double start = MPI_Wtime();
        MPI_Allreduce(MPI_IN_PLACE, floats, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
        seconds[i] = MPI_Wtime() - start;
    }
}

static double mean_of_shortest(const double *seconds, int iterations, double *shortest) {
    MPI_Reduce(seconds, shortest, iterations, MPI_DOUBLE, MPI_MIN, 0, MPI_COMM_WORLD);
    double total = 0;
    for (int i = 0; i < iterations; i++) {
        total += shortest[i];
    }
    return total / iterations;
}

int main(int argc, char **argv) {
    // As the program asks for: two of its threads call MPI, in turns.
    int granted;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &granted);
    const int sizes = argc - 3;
    if (granted < MPI_THREAD_MULTIPLE || sizes < 1) {
        fprintf(stderr, "usage: allreduce MIN_BYTES WARM_UP ITERATIONS..., with an MPI that allows threads\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    int rank;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    const long long min_bytes = atoll(argv[1]);
    const int warm_up = atoi(argv[2]);
    float *floats = (float *)Java_dev_lockstep_device_cpu_CpuKernels_allocate(NULL, NULL, min_bytes << (sizes - 1));
    int most = warm_up;
    for (int i = 0; i < sizes; i++) {
        const int iterations = atoi(argv[3 + i]);
        most = iterations > most ? iterations : most;
    }
    double *seconds = calloc(most, sizeof *seconds);
    double *shortest = calloc(most, sizeof *shortest);
    if (floats == NULL || seconds == NULL || shortest == NULL) {
        fprintf(stderr, "allreduce: not enough memory\n");
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    for (int i = 0; i < sizes; i++) {
        const long long bytes = min_bytes << i;
        const int count = (int)(bytes / sizeof(float));
        // Zeros stay zeros; the fresh pages that read as such are not there yet.
        memset(floats, 0, bytes);
        const int iterations = atoi(argv[3 + i]);
        sum(floats, count, warm_up, seconds);
        MPI_Barrier(MPI_COMM_WORLD);
        sum(floats, count, iterations, seconds);
        const double mean = mean_of_shortest(seconds, iterations, shortest);
        if (rank == 0) {
            printf("%lld %.9g\n", bytes, mean);
        }
    }
    free(seconds);
    free(shortest);
    MPI_Finalize();
    return 0;
}
