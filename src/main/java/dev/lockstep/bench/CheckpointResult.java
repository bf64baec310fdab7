package dev.lockstep.bench;

import java.util.Map;

/**
 * What {@code bench checkpoint} has measured: the JSON object that it prints. Rates are medians, in bytes a second; beside each
 * the ratio to plain input and output is the median over the pairs.
 *
 * @param kind               {@code "checkpoint"}
 * @param bytes              of one checkpoint
 * @param plainWriteRate     of as many bytes in one file, until they are on the disk
 * @param readFromDisk       whether files were read from the disk, and not from memory
 * @param pauseSeconds       median time of the copy that is taken between two steps
 * @param stepSeconds        median without a checkpoint under way; {@code writingStepSeconds} with one
 * @param writingToStep      the ratio of these, median over the turns
 */
public record CheckpointResult(String kind, String job, int ranks, long bytes, int repeats, double plainWriteRate,
        double writeRate, double writeToPlain, double plainReadRate, double readRate, double readToPlain,
        boolean readFromDisk, double pauseSeconds, double stepSeconds, double writingStepSeconds, double writingToStep,
        Map<String, Object> environment) {
    public static final String KIND = "checkpoint";
}
