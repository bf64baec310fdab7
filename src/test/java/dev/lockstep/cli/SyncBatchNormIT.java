package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Norms that see the batches of all ranks, over MPI. */
class SyncBatchNormIT {
    private static final double TOLERANCE = 2e-5;

    @TempDir
    private Path folder;

    /** Of two ranks' 60 samples the last batch has 4, of three ranks' 40 it is whole. */
    @ParameterizedTest(name = "{0} ranks, overlap {1}")
    @CsvSource({"2, true", "2, false", "3, true"})
    void shouldTrainAsOneRankOnTheBatchesOfAll(int ranks, boolean overlap) throws IOException {
        SmallJob.write(folder);
        String[] sets = sets("batch-norm", 8 * ranks, overlap);
        LocalRun.train(1, folder.resolve("small.yaml"), folder.resolve("alone"), sets);
        List<JsonNode> expected = Lockstep.metrics(folder.resolve("alone"), "epoch");
        List<JsonNode> actual = train(ranks, sets("sync-batch-norm", 8 * ranks, overlap));
        assertEquals(2, expected.size());
        for (int epoch = 0; epoch < 2; epoch++) {
            for (String key : List.of("train_loss", "test_loss", "test_accuracy")) {
                double value = expected.get(epoch).get(key).asDouble();
                assertEquals(value, actual.get(epoch).get(key).asDouble(), TOLERANCE * value, key);
            }
            assertEquals(expected.get(epoch).get("step"), actual.get(epoch).get("step"));
        }
    }

    private static String[] sets(String norm, int globalBatch, boolean overlap) {
        return new String[] {"model=[" + norm + ", {linear: {in: 12, out: 16}}, " + norm
                + ", relu, {residual: [{linear: {in: 16, out: 16}}, " + norm + ", tanh]}, {linear: {in: 16, out: 3}}]",
            "train={epochs: 2, global-batch: " + globalBatch + "}", "distributed={chunk: 64, overlap: " + overlap + "}"};
    }

    private List<JsonNode> train(int ranks, String... sets) throws IOException {
        run(ranks, 0, "train", "small.yaml", "--output", "together", "--set", sets[0], "--set", sets[1], "--set", sets[2]);
        return Lockstep.metrics(folder.resolve("together"), "epoch");
    }

    @Test
    void shouldSayBeforeTrainingThatABatchIsTooSmall() throws IOException {
        SmallJob.write(folder);
        ProcessRun.Result run = run(2, 2, "train", "small.yaml", "--set", "model=[{linear: {in: 12, out: 3}}, batch-norm]",
                "--set", "train.batch-size=59");
        assertEquals(List.of("lockstep: error: train.batch-size: a batch of 1 on each of 2 ranks, perhaps the last of an"
                + " epoch, has fewer samples than the 2 that the model's batch-norm needs; choose another batch-size, number of"
                + " ranks or layer-norm"), Lockstep.errors(run), run::toString);
    }

    private ProcessRun.Result run(int ranks, int exitStatus, String... arguments) {
        ProcessRun.Result run = Lockstep.ranks(ranks, arguments).directory(folder).run();
        assertEquals(exitStatus, run.exitStatus(), run::toString);
        return run;
    }
}
