/** Modules (layers, Sequential, residual blocks), the cross-entropy loss, and initialisation. */
package dev.lockstep.nn;
