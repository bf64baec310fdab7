/** Shapes, views, and the arenas that hold all parameters and all gradients in one allocation each. */
package dev.lockstep.tensor;
