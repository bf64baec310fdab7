package dev.lockstep.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A job file on CSV data of its own, for the program to run. */
final class SmallTable {
    static final int SAMPLES = 90;

    static final String YAML = """
            name: table
            data:
              train:
                format: csv
                files: [rows-1.csv, rows-2.csv]
                target: kind
                categorical: colour
                drop: [id]
                missing: impute
              test: {format: csv, files: test.csv}
              validation: {format: csv, files: rows-2.csv}
            model:
              - linear: {in: 5, out: 8}
              - relu
              - linear: {in: 8, out: 3}
            optimizer:
              sgd: {lr: 0.1}
            train:
              epochs: 2
              batch-size: 8
            """;

    private SmallTable() {}

    /** Writes job and data into {@code folder}. */
    static void write(Path folder) throws IOException {
        Files.writeString(folder.resolve("rows-1.csv"), rows(0, 40));
        Files.writeString(folder.resolve("rows-2.csv"), rows(40, SAMPLES));
        Files.writeString(folder.resolve("test.csv"), rows(200, 231));
        Files.writeString(folder.resolve("table.yaml"), YAML);
    }

    /** Two numbers, of which every seventh is missing, and a colour; the class follows from them. */
    private static String rows(int from, int to) {
        StringBuilder text = new StringBuilder("id,height,weight,colour,kind\n");
        for (int i = from; i < to; i++) {
            double height = 170 + i * 37 % 41 - 20;
            double weight = 60 + i * 53 % 29;
            text.append(i).append(',').append(i % 7 == 3 ? "" : "" + height).append(',').append(weight).append(',')
                    .append(new String[] {"red", "\"light, blue\"", "green"}[i % 3]).append(',')
                    .append(height > 175 ? "tall" : weight > 75 ? "broad" : "small").append('\n');
        }
        return text.toString();
    }
}
