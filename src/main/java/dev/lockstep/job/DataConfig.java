package dev.lockstep.job;

import java.util.Optional;

/** The training set, and the test set that follows each epoch where there is one. */
public record DataConfig(DataSource train, Optional<DataSource> test) {}
