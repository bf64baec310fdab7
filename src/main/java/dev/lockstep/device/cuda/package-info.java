/** The GPU backend: CUDA through JavaCPP; {@link dev.lockstep.device.cuda.CudaDevices} finds and loads its libraries. */
package dev.lockstep.device.cuda;
