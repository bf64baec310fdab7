/** The channel beside MPI: every rank tells rank 0 over TCP that it lives and where it is, so that whoever fails is named. */
package dev.lockstep.comm.channel;
