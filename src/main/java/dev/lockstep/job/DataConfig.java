package dev.lockstep.job;

import java.util.Optional;

/** The training set, the test set that follows each epoch where there is one, and the one that training is validated on. */
public record DataConfig(DataSource train, Optional<DataSource> test, Optional<DataSource> validation) {}
