/** Sums in memory that the ranks of one machine share. */
package dev.lockstep.comm.shared;
