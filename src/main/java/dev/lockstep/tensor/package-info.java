/** Shapes, views, the arenas that hold all parameters and all gradients in one allocation each, and a model's buffers. */
package dev.lockstep.tensor;
