package dev.lockstep.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.cfg.EnumFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.InvalidInputException;
import dev.lockstep.train.IoMessages;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** A scaling benchmark's folder: scaling.json, scaling.csv, report.html, and what the runs wrote. */
public final class ScalingOutput {
    public static final String REPORT_FILE = "report.html";
    private static final String JSON_FILE = "scaling.json";
    private static final JsonMapper MAPPER = Json.MAPPER.rebuild()
            .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
            .configure(EnumFeature.WRITE_ENUMS_TO_LOWERCASE, true)
            .build();

    private final Path folder;

    /** @param folder exists */
    public ScalingOutput(Path folder) {
        this.folder = folder;
    }

    /** Where a run's standard output and error go, {@code kind} being {@code out} or {@code err}. */
    Path ofRun(ScalingPlan.Turn turn, String kind) {
        return folder.resolve("ranks-" + turn.ranks() + "-repeat-" + turn.repeat() + "." + kind);
    }

    /** All runs, and for other programs the rows that come of them. */
    void writeJson(ScalingResult result) {
        ObjectNode json = MAPPER.valueToTree(result);
        json.set("rows", MAPPER.valueToTree(ScalingCsv.rows(result)));
        json.set("warnings", MAPPER.valueToTree(ScalingTable.of(result).warnings()));
        write(JSON_FILE, json.toPrettyString() + "\n");
    }

    /**
     * scaling.csv and report.html.
     *
     * @param commit    of this program
     * @return whether all was measured
     */
    public boolean write(ScalingResult result, String commit) {
        write("scaling.csv", ScalingCsv.of(result));
        write(REPORT_FILE, ScalingReport.html(result, NextPoints.of(result), ScalingResult.now(), commit));
        return ScalingTable.of(result).isWhole();
    }

    /** Whole or not at all: this process may be killed at any time. */
    private void write(String name, String text) {
        try {
            Path written = Files.writeString(folder.resolve("." + name + ".writing"), text);
            Files.move(written, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new BenchmarkException(folder.resolve(name) + " could not be written (" + IoMessages.of(e) + ")", e);
        }
    }

    /**
     * What {@link #writeJson} wrote.
     *
     * @throws InvalidInputException if the folder holds no results of a scaling benchmark
     */
    public ScalingResult read() {
        Path file = folder.resolve(JSON_FILE);
        try {
            ScalingResult result = MAPPER.readValue(Files.readString(file), ScalingResult.class);
            if (result == null || !result.isWhole()) {
                throw new InvalidInputException(file + " holds no results of 'bench scaling', or damaged ones; run it anew");
            }
            return result;
        } catch (JsonProcessingException e) {
            throw new InvalidInputException(file + " holds no results of 'bench scaling' ("
                    + e.getOriginalMessage().lines().findFirst().orElse("") + "); run it anew", e);
        } catch (IOException e) {
            throw new InvalidInputException(file + " cannot be read (" + IoMessages.of(e) + "); name the folder that"
                    + " 'bench scaling' has written", e);
        }
    }
}
