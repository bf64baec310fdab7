/** What every package may use: the exception for input that the user must mend. */
package dev.lockstep;
