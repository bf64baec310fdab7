package dev.lockstep.cli;

import dev.lockstep.bench.StepResult;
import dev.lockstep.ddp.GradientMemory;
import dev.lockstep.job.Job;

/**
 * How ranks sum gradients, as all commands say it.
 *
 * @param name    {@link StepResult#SHARED_MEMORY}, {@link StepResult#MPI}, or {@link StepResult#NONE}
 * @param refusal why not in shared memory; null where it is in such, and with one rank
 */
record Reduction(String name, String refusal) {
    /** @param refusal where {@code gradients} are not shared because nobody wants it */
    static Reduction of(int ranks, GradientMemory gradients, boolean wanted, String refusal) {
        if (ranks == 1) {
            return new Reduction(StepResult.NONE, null);
        }
        return gradients.isShared() ? new Reduction(StepResult.SHARED_MEMORY, null)
                : new Reduction(StepResult.MPI, wanted ? gradients.refusal() : refusal);
    }

    static Reduction of(int ranks, GradientMemory gradients, Job job) {
        return of(ranks, gradients, job.distributed().sharedMemory(), "distributed.shared-memory is false");
    }

    static Reduction of(StepResult result) {
        return new Reduction(result.reduction(), result.reductionRefusal());
    }

    boolean isNeeded() {
        return !name.equals(StepResult.NONE);
    }

    boolean isShared() {
        return name.equals(StepResult.SHARED_MEMORY);
    }

    /** Of several ranks: {@code "through shared memory"}, or another way and why. */
    String way() {
        return isShared() ? "through shared memory" : "by MPI_Allreduce (" + refusal + ")";
    }

    /** Of several ranks: {@code "sent in 22 chunks through shared memory"}. */
    String ofChunks(int chunks) {
        return "sent in " + chunks + (chunks == 1 ? " chunk " : " chunks ") + way();
    }
}
