/** Modules (Linear, activations, norms, dropout, Sequential, residual blocks), the cross-entropy loss, and initialisation. */
package dev.lockstep.nn;
