package dev.lockstep.device.cuda;

/** Memory of a GPU in bytes, as far as it is free now, and all of it. */
public record CudaMemory(long freeBytes, long totalBytes) {
}
