package dev.lockstep.cli;

/** What the commands are handed of the process that they run in. */
record CommandContext(Program program, Launch launch, Failure failure) {
    /** To be called before any other thread starts: from now on what a thread throws ends the job. */
    static CommandContext ofThisProcess() {
        Launch launch = Launch.of(System.getenv());
        Failure failure = new Failure(launch, "1".equals(System.getenv("LOCKSTEP_DEBUG")), System.err);
        Thread.setDefaultUncaughtExceptionHandler(failure);
        return new CommandContext(Program.current(), launch, failure);
    }
}
