/** Optimizers, which update ranges of the parameter arena, and the schedules of their learning rates. */
package dev.lockstep.optim;
