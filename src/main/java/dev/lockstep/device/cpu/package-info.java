/** The CPU backend: matrix products and smooth activations by oneDNN through JavaCPP, the rest by compiled kernels. */
package dev.lockstep.device.cpu;
