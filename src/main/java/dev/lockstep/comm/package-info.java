/** Communicator: the collectives that training needs, and handles for reductions under way. */
package dev.lockstep.comm;
