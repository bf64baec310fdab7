/** Data sets in device memory, their readers, the samplers that divide them among ranks, and the gathering of batches. */
package dev.lockstep.data;
