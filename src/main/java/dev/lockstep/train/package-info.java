/** Trainer, Evaluator, checkpoints and metrics, and the checks of a job against its data and model. */
package dev.lockstep.train;
