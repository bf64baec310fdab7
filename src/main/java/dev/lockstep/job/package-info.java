/** The files that users write, of jobs and of benchmarks: their records, parsing, and the checks of their own values. */
package dev.lockstep.job;
