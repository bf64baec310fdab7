/** Runs of training for people: what their folders hold, side by side on one page. */
package dev.lockstep.report;
