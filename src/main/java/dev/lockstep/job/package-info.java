/** The job file: its records, parsing, and the checks of its own values. */
package dev.lockstep.job;
