package dev.lockstep.cli;

import dev.lockstep.comm.Communicator;
import dev.lockstep.device.Device;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.job.Job;
import dev.lockstep.train.CustomModules;
import dev.lockstep.train.JobChecks;
import dev.lockstep.train.MemoryBudget;
import dev.lockstep.train.Position;
import dev.lockstep.train.TrainingData;
import dev.lockstep.train.Validation;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lockstep validate}. */
@Command(name = "validate", mixinStandardHelpOptions = true,
        description = "Check a job file and its data without training.")
final class ValidateCommand implements Callable<Integer> {
    private final CommandContext context;

    @Spec
    private CommandSpec spec;

    @Mixin
    private JobOptions jobOptions;

    @Option(names = "--check-gradients", description = "Hold the backward of custom modules to finite differences of their"
            + " forward, too.")
    private boolean checkGradients;

    ValidateCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        return context.failure().withRanks(context.program(), jobOptions.timeout(), this::validate);
    }

    private int validate(Communicator communicator) {
        Job job = jobOptions.load(communicator, context.failure());
        TrainingData sources = JobOptions.check(job, communicator,
                MemoryBudget.ofHost(communicator.localSize(), AvailableMemory.bytes(Path.of("/"))));
        if (checkGradients) {
            Agreement.onAllRanks(communicator, () -> {
                CustomModules.checkGradients(job, sources.train().info().features(), new ReferenceDevice());
                return true;
            });
        }
        try (Device device = new CpuDevice(1)) {
            TrainingData.Loaded data = Agreement.onAllRanks(communicator, () -> sources.load(device));
            if (communicator.rank() == 0) {
                PrintWriter out = spec.commandLine().getOut();
                out.printf(Locale.ROOT, "%s is valid for %d rank%s: %s; %s of %,d features%n",
                        jobOptions.file(), communicator.size(), communicator.size() == 1 ? "" : "s", job.name(),
                        samples(data), data.train().features().columns());
                sources.train().encoding().ifPresent(encoding -> encoding.table().forEach(out::println));
                out.flush();
                long steps = (long) job.train().epochs()
                        * JobChecks.stepsPerEpoch(job, communicator.size(), sources.train().info());
                Validation.never(job, Position.START, steps)
                        .ifPresent(warning -> System.err.println("lockstep: warning: " + warning));
            }
        }
        return 0;
    }

    /** {@code "60,000 training samples, 10,000 test samples and 5,000 validation samples"}. */
    private static String samples(TrainingData.Loaded data) {
        List<String> splits = new ArrayList<>();
        splits.add(String.format(Locale.ROOT, "%,d training samples", data.train().samples()));
        data.test().ifPresent(test -> splits.add(String.format(Locale.ROOT, "%,d test samples", test.samples())));
        data.validation().ifPresent(split -> splits.add(String.format(Locale.ROOT, "%,d validation samples",
                split.samples())));
        String last = splits.remove(splits.size() - 1);
        return splits.isEmpty() ? last : String.join(", ", splits) + " and " + last;
    }
}
