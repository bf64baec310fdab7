/** Modules (Linear, activations, Sequential), the cross-entropy loss, and initialisation. */
package dev.lockstep.nn;
