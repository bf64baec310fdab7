/** Communicators without MPI: a single rank, and threads as ranks. */
package dev.lockstep.comm.local;
