/** Measuring: the benchmarks behind the bench command. */
package dev.lockstep.bench;
