/** The Mersenne Twister, drawn from as PyTorch draws from it. */
package dev.lockstep.random;
