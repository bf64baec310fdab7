/** The GPU backend: CUDA through JavaCPP; libraries are found and loaded at run time, by {@link dev.lockstep.device.cuda.CudaDevices}. */
package dev.lockstep.device.cuda;
