package dev.lockstep.gpucheck;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The parts of the check, one after the other: one that fails leaves a reason, and the next one runs. */
final class Parts {
    private static final List<String> PRECISIONS = List.of("fp32", "tf32", "bf16");
    private static final List<String> PEER_CASES = List.of("small_eager_fp32", "small_graph_fp32", "small_compile_fp32",
            "large_eager_fp32", "large_eager_tf32", "large_eager_bf16", "large_compile_fp32", "large_compile_tf32",
            "large_compile_bf16");
    private static final List<String> FIGURES = Stream.concat(
            Stream.of("loss_difference_1_rank", "loss_difference_2_ranks_overlap", "loss_difference_2_ranks_no_overlap",
                    "small_steps_per_second", "large_fp32", "large_fp32_gemm", "large_tf32", "large_tf32_gemm",
                    "large_bf16", "large_bf16_gemm"),
            PEER_CASES.stream().map(name -> "pytorch_" + name)).toList();
    private static final int COMPARED_STEPS = 20;

    private interface Body {
        void run() throws CheckFailedException, IOException;
    }

    private interface Measure {
        double value() throws CheckFailedException, IOException;
    }

    private final Findings findings;
    private final Commands commands;
    private final Path home;
    private final Path output;
    private final String device;
    private final boolean rehearsal;
    private long endNanos;
    /** Why figures of the part under way are missing. */
    private final List<String> failures = new ArrayList<>();

    /** @param rehearsal whether small models do */
    Parts(Findings findings, Commands commands, Path home, Path output, String device, boolean rehearsal) {
        this.findings = findings;
        this.commands = commands;
        this.home = home;
        this.output = output;
        this.device = device;
        this.rehearsal = rehearsal;
    }

    /** @param newEndNanos when the last command must have ended */
    void run(long newEndNanos) {
        endNanos = newEndNanos;
        FIGURES.forEach(figure -> findings.noFigure(figure, "its part failed or was not reached"));
        part("libraries", 40, this::libraries);
        part("mpirun", 40, this::mpirun);
        part("tests", 150, this::tests);
        part("losses", 90, this::losses);
        Workload small = Workload.small(rehearsal);
        part("small", 50, () -> measure("small_steps_per_second",
                () -> speed("small", small.writeJob(output, device), "fp32") / small.batch()));
        Workload large = Workload.large(rehearsal);
        for (String precision : PRECISIONS) {
            part("large-" + precision, 60, () -> large(large, precision));
        }
        part("pytorch", 240, () -> pytorch(small, large));
        for (Workload workload : List.of(small, large)) {
            output.resolve(workload.name() + "-images").toFile().delete(); // hundreds of megabytes
        }
    }

    private void part(String name, int limitSeconds, Body body) {
        System.out.println("gpu-check: " + name);
        long start = System.nanoTime();
        long limit = start + TimeUnit.SECONDS.toNanos(limitSeconds);
        commands.endBy(limit - endNanos < 0 ? limit : endNanos);
        failures.clear();
        try {
            body.run();
        } catch (CheckFailedException | IOException | RuntimeException e) {
            failures.add(e instanceof CheckFailedException ? e.getMessage() : e.toString());
        }
        findings.part(name, (System.nanoTime() - start) * 1e-9, failures.isEmpty() ? null : failures.get(0));
    }

    /** A figure, or null and the reason; then the part goes on, but has failed. */
    private void measure(String figure, Measure measure) {
        try {
            findings.figure(figure, measure.value());
        } catch (CheckFailedException | IOException | RuntimeException e) {
            String reason = e instanceof CheckFailedException ? e.getMessage() : e.toString();
            findings.noFigure(figure, reason);
            failures.add(figure + ": " + reason);
        }
    }

    /** Loads the libraries, and calls each. */
    private void libraries() throws CheckFailedException, IOException {
        try {
            findings.put("nvidia_smi", commands.run("nvidia-smi", List.of("nvidia-smi",
                    "--query-gpu=name,driver_version,memory.total,uuid", "--format=csv,noheader")).stdout().strip());
        } catch (CheckFailedException | RuntimeException e) {
            findings.put("nvidia_smi", null); // many containers lack it
        }
        JsonNode info = commands.json("info", 1, "info", "--json");
        for (String key : List.of("lockstep", "java", "system", "cpu", "device", "cuda")) {
            findings.put(key, info.get(key));
        }
        String found = info.path("device").path("name").asText();
        if (!rehearsal && !found.startsWith(device)) {
            throw new CheckFailedException("the program takes the device '" + found + "': "
                    + info.path("device").path("reason").asText());
        }
    }

    private void mpirun() throws CheckFailedException, IOException {
        int ranks = commands.json("mpirun", 2, "info", "--json").path("ranks").size();
        if (ranks != 2) {
            throw new CheckFailedException("2 ranks were started, but " + ranks + " found each other");
        }
    }

    private void tests() throws CheckFailedException, IOException {
        List<String> command = List.of(home.resolve("bin/test-java").toString(), "dev.lockstep.testing.TestRun",
                "dev.lockstep.device." + device);
        try {
            commands.run("tests", command);
        } finally {
            // Also where tests failed: the log holds what was printed, if they were started at all.
            Path log = output.resolve("tests.log");
            Optional<String> counts = !Files.exists(log) ? Optional.empty() : Files.readAllLines(log).stream()
                    .filter(line -> line.startsWith("{\"passed\":")).findFirst();
            findings.put("tests", counts.isEmpty() ? null : new JsonMapper().readTree(counts.get()));
        }
    }

    /** The losses of this device's backend against the CPU's. */
    private void losses() throws CheckFailedException, IOException {
        // Buckets and chunks so small that there is something to overlap.
        Path job = Files.writeString(output.resolve("losses.yaml"), """
                name: losses
                gpu-sharing: true
                data:
                  train: {format: synthetic, samples: %d, features: 784, classes: 10, seed: 0}
                model: %s
                optimizer:
                  sgd: {lr: 0.01, momentum: 0.9}
                train: {epochs: 1, batch-size: 64}
                distributed: {first-bucket: 64KiB, bucket: 128KiB, chunk: 64KiB}
                log: {every-steps: 1}
                """.formatted(2 * 64 * COMPARED_STEPS, Workload.model(List.of(784, 128, 10))));
        measure("loss_difference_1_rank", () -> difference(stepLosses(job, "one-rank", 1, device, true),
                stepLosses(job, "one-rank-cpu", 1, "cpu", true)));
        List<Double> expected = stepLosses(job, "two-ranks-cpu", 2, "cpu", true);
        measure("loss_difference_2_ranks_overlap",
                () -> difference(stepLosses(job, "two-ranks-overlap", 2, device, true), expected));
        measure("loss_difference_2_ranks_no_overlap",
                () -> difference(stepLosses(job, "two-ranks-no-overlap", 2, device, false), expected));
    }

    private List<Double> stepLosses(Path job, String log, int ranks, String onDevice, boolean overlap)
            throws CheckFailedException, IOException {
        return commands.train(log, ranks, job, "step", "device=" + onDevice, "distributed.overlap=" + overlap).stream()
                .limit(COMPARED_STEPS).map(step -> step.path("loss").asDouble(Double.NaN)).toList();
    }

    /** The largest relative difference. */
    private double difference(List<Double> actual, List<Double> expected) throws CheckFailedException {
        double largest = 0;
        for (int i = 0; i < COMPARED_STEPS; i++) {
            // max keeps a NaN
            largest = Math.max(largest, Math.abs(actual.get(i) - expected.get(i)) / Math.abs(expected.get(i)));
        }
        if (Double.isNaN(largest)) {
            throw new CheckFailedException("losses that are no numbers: " + actual + " against " + expected);
        }
        if (largest > GpuCheck.LOSS_TOLERANCE) {
            failures.add("the losses differ by " + largest + ", relatively: " + actual + " against " + expected);
        }
        return largest;
    }

    private void large(Workload large, String precision) throws IOException {
        if (device.equals("cpu") && !precision.equals("fp32")) {
            findings.noFigure("large_" + precision, "the CPU backend computes in fp32");
            findings.noFigure("large_" + precision + "_gemm", "the CPU backend computes in fp32");
            return;
        }
        Path job = large.writeJob(output, device);
        measure("large_" + precision, () -> speed("large-" + precision, job, precision));
        measure("large_" + precision + "_gemm", () -> large.batch() / commands.json("gemm-" + precision, 1, "bench", "gemm",
                "--json", "--seconds", rehearsal ? "0.5" : "2", job.toString(), "--set", "precision=" + precision)
                .path("seconds_per_step").asDouble());
    }

    /** Samples per second: the median over all epochs but the first. */
    private double speed(String log, Path job, String precision) throws CheckFailedException, IOException {
        double[] speeds = commands.train(log, 1, job, "epoch", "precision=" + precision).stream().skip(1)
                .mapToDouble(epoch -> epoch.path("samples_per_second").asDouble()).sorted().toArray();
        return speeds[speeds.length / 2];
    }

    private void pytorch(Workload small, Workload large) throws CheckFailedException, IOException {
        Path lines = output.resolve("pytorch.jsonl");
        Files.writeString(lines, "");
        String python = Optional.ofNullable(System.getenv("PYTHON")).filter(path -> !path.isEmpty()).orElse("python3");
        try {
            commands.run("pytorch-import", List.of(python, "-c", "import torch"));
        } catch (CheckFailedException | RuntimeException e) {
            // No failure: a machine need not have it.
            PEER_CASES.forEach(name -> findings.noFigure("pytorch_" + name, "no PyTorch in " + python));
            return;
        }
        List<String> command = new ArrayList<>(List.of(python, home.resolve("bench/gpu/peer.py").toString(),
                "--device", device, "--output", lines.toString(), "--seconds", rehearsal ? "0.05" : "0.4"));
        command.addAll(small.peerOptions());
        command.addAll(large.peerOptions());
        String reason = "the case was not reached";
        try {
            commands.run("pytorch", command);
        } catch (CheckFailedException | RuntimeException e) {
            reason = e.getMessage();
            failures.add(reason);
        }
        for (String name : PEER_CASES) {
            findings.noFigure("pytorch_" + name, reason);
        }
        for (String line : Files.readAllLines(lines)) {
            JsonNode json = new JsonMapper().readTree(line);
            String name = json.path("case").asText();
            if (name.isEmpty()) {
                findings.put("pytorch", json);
            } else if (json.has("error")) {
                findings.noFigure("pytorch_" + name, json.path("error").asText());
            } else {
                findings.figure("pytorch_" + name,
                        json.path(name.startsWith("small") ? "steps_per_second" : "samples_per_second").asDouble());
            }
        }
    }
}
