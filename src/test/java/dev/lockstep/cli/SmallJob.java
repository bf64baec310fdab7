package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.data.IdxFiles;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A job file on IDX data of its own, for the program to run. */
final class SmallJob {
    static final int SAMPLES = 120;

    static final String YAML = """
            name: small
            data:
              train: {format: idx, images: train-images, labels: train-labels.gz}
              test: {format: idx, images: test-images.gz, labels: test-labels}
            model:
              - linear: {in: 12, out: 16}
              - relu
              - linear: {in: 16, out: 3}
            optimizer:
              sgd: {lr: 0.05, momentum: 0.9}
            train:
              epochs: 2
              batch-size: 8
            log: {every-steps: 1}
            """;

    private SmallJob() {}

    /** Writes job and data into {@code folder}; returns the job file. */
    static Path write(Path folder) throws IOException {
        IdxFiles.write(folder.resolve("train-images"), images(SAMPLES));
        IdxFiles.write(folder.resolve("train-labels.gz"), IdxFiles.gzip(labels(SAMPLES)));
        IdxFiles.write(folder.resolve("test-images.gz"), IdxFiles.gzip(images(31)));
        IdxFiles.write(folder.resolve("test-labels"), labels(31));
        return Files.writeString(folder.resolve("small.yaml"), YAML);
    }

    /** Gives a test a run of its own, to change as it likes: {@code from}, job, data and results, in {@code to}. */
    static void copy(Path from, Path to) {
        ProcessRun.Result copied = ProcessRun.command("cp", "-R", from + "/.", to.toString()).run();
        assertEquals(0, copied.exitStatus(), copied::toString);
    }

    /** Images of 3 x 4 pixels, with a bright row that tells the class. */
    static byte[] images(int samples) {
        byte[] pixels = new byte[12 * samples];
        for (int i = 0; i < pixels.length; i++) {
            int noise = IdxFiles.element(i) / 2;
            boolean bright = i % 12 / 4 == label(i / 12);
            pixels[i] = (byte) (noise + (bright ? 120 : 0));
        }
        return IdxFiles.join(IdxFiles.header(samples, 3, 4), pixels);
    }

    static byte[] labels(int samples) {
        byte[] labels = new byte[samples];
        for (int i = 0; i < samples; i++) {
            labels[i] = (byte) label(i);
        }
        return IdxFiles.join(IdxFiles.header(samples), labels);
    }

    private static int label(int sample) {
        return sample % 7 % 3;
    }
}
