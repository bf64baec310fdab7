// The loop of `lockstep bench allreduce` in C: in-place sums of floats over all ranks. A line a size: bytes, and seconds a
// sum, the mean over the loop of the shortest over the ranks, as the last rank to come waits for no other.
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

static double mean(const double *values, int count) {
    double total = 0;
    for (int i = 0; i < count; i++) {
        total += values[i];
    }
    return total / count;
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
    if (floats == NULL) {
        fprintf(stderr, "allreduce: not enough memory\n");
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    for (int i = 0; i < sizes; i++) {
        const long long bytes = min_bytes << i;
        const int count = (int)(bytes / sizeof(float));
        const int iterations = atoi(argv[3 + i]);
        const int longest = iterations > warm_up ? iterations : warm_up;
        double *seconds = calloc(2 * longest, sizeof(double));
        double *shortest = seconds + longest;
        // Zeros stay zeros; the fresh pages that read as such are not there yet.
        memset(floats, 0, bytes);
        sum(floats, count, warm_up, seconds);
        MPI_Barrier(MPI_COMM_WORLD);
        sum(floats, count, iterations, seconds);
        MPI_Reduce(seconds, shortest, iterations, MPI_DOUBLE, MPI_MIN, 0, MPI_COMM_WORLD);
        if (rank == 0) {
            printf("%lld %.9g\n", bytes, mean(shortest, iterations));
        }
        free(seconds);
    }
    MPI_Finalize();
    return 0;
}
