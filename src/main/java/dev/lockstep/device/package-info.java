/** The service interface of compute devices: buffers, streams, events and the math operations. */
package dev.lockstep.device;
