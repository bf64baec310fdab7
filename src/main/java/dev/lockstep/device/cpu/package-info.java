/** The CPU backend: matrix products by oneDNN through JavaCPP, element-wise work by this project's compiled kernels. */
package dev.lockstep.device.cpu;
