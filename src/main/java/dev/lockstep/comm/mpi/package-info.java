/** Communication over Open MPI's Java bindings; the only package that imports them. */
package dev.lockstep.comm.mpi;
