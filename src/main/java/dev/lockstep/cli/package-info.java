/** The command line: commands, wiring, and the handling of failures. */
package dev.lockstep.cli;
