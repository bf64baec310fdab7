package dev.lockstep.gpucheck;

import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;

/**
 * A model and how long it is trained, on random bytes.
 *
 * @param layers   sizes from the input to the classes; the input a square, as images are
 * @param samples  of an epoch
 * @param batch    per rank
 * @param momentum of SGD; 0 for plain SGD
 */
record Workload(String name, List<Integer> layers, int samples, int batch, int epochs, double momentum) {
    private static final int CLASSES = 10;

    static Workload small(boolean rehearsal) {
        return new Workload("small", List.of(784, 128, CLASSES), rehearsal ? 2048 : 60032, 64, rehearsal ? 3 : 20, 0.9);
    }

    static Workload large(boolean rehearsal) {
        int width = rehearsal ? 256 : 4096;
        return new Workload("large", List.of(width, width, width, width, width, CLASSES), 16 * width, width,
                rehearsal ? 3 : 12, 0);
    }

    /** Writes data and job file. */
    Path writeJob(Path folder, String device) throws IOException {
        writeIdx(folder.resolve(name + "-images"), 256, samples, side(), side());
        writeIdx(folder.resolve(name + "-labels"), CLASSES, samples);
        return Files.writeString(folder.resolve(name + ".yaml"), """
                name: %1$s
                device: %2$s
                gpu-sharing: true
                data:
                  train: {format: idx, images: %1$s-images, labels: %1$s-labels}
                model: %3$s
                optimizer:
                  sgd: {lr: 0.01, momentum: %4$s}
                train: {epochs: %5$d, batch-size: %6$d}
                """.formatted(name, device, model(layers), momentum, epochs, batch));
    }

    /** As a job file's {@code model}. */
    static String model(List<Integer> layers) {
        List<String> linears = new ArrayList<>();
        for (int i = 0; i + 1 < layers.size(); i++) {
            linears.add("linear: {in: " + layers.get(i) + ", out: " + layers.get(i + 1) + "}");
        }
        return "[" + String.join(", relu, ", linears) + "]";
    }

    /** The same for peer.py. */
    List<String> peerOptions() {
        return List.of("--" + name, layers.stream().map(String::valueOf).collect(Collectors.joining(",")),
                "--" + name + "-samples", "" + samples, "--" + name + "-batch", "" + batch);
    }

    private int side() {
        return (int) Math.round(Math.sqrt(layers.get(0)));
    }

    /** An IDX file of random bytes below {@code bound}. */
    private static void writeIdx(Path file, int bound, int... shape) throws IOException {
        Random random = new Random(bound);
        int sampleBytes = 1;
        try (DataOutputStream out = new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(file), 1 << 16))) {
            out.writeInt(0x0800 + shape.length);
            for (int i = 0; i < shape.length; i++) {
                out.writeInt(shape[i]);
                sampleBytes *= i == 0 ? 1 : shape[i];
            }
            byte[] sample = new byte[sampleBytes];
            for (int i = 0; i < shape[0]; i++) {
                random.nextBytes(sample);
                for (int j = 0; j < sampleBytes && bound < 256; j++) {
                    sample[j] = (byte) Math.floorMod(sample[j], bound);
                }
                out.write(sample);
            }
        }
    }
}
