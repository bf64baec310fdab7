/** The math operations in plain Java, in float and double: the oracle that the other backends are tested against. */
package dev.lockstep.device.reference;
