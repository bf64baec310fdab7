/** Optimizers, which update ranges of the parameter arena. */
package dev.lockstep.optim;
