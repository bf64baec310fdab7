package dev.lockstep.cli;

/** What the commands are handed of the process that they run in. */
record CommandContext(Program program, Launch launch, Failure failure) {
}
