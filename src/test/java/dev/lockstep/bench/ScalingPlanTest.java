package dev.lockstep.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import dev.lockstep.job.ScalingFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScalingPlanTest {
    private static final String JOB = """
            name: wide
            data:
              train: {format: synthetic, samples: 100, features: 4, classes: 3}
            model:
              - linear: {in: 4, out: 3}
            optimizer:
              sgd: {lr: 0.1}
            train: {epochs: 1, batch-size: 8}
            """;

    @TempDir
    private Path folder;

    @Test
    void shouldGoUpAndDownTheRanksInTurn() throws IOException {
        List<ScalingPlan.Turn> turns = plan(2, "kind: strong", "global-batch: 64", "ranks: [1, 2, 4]", "repeats: 3").turns();

        assertEquals(List.of("1 1", "2 1", "4 1", "4 2", "2 2", "1 2", "1 3", "2 3", "4 3"),
                turns.stream().map(turn -> turn.ranks() + " " + turn.repeat()).toList());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "1  | cores: auto       | 1           | 1",
        "2  | cores: auto       | 1 2         | 1",
        "12 | cores: auto       | 1 2 4 8     | 1",
        "16 | cores-per-rank: 4 | 1 2 4       | 4",
        "2  | cores-per-rank: 4 | 1           | 4",
        "2  | cores: 8          | 1 2 4 8     | 1",
        "16 | ranks: [1, 4]     | 1 4         | 4",
        "16 | ranks: [2, 5, 32] | 2 5 32      | 3",
        "2  | ranks: [4]        | 4           | 1",
    })
    void shouldGiveEachRankTheSameCoresOnAnyNumberOfThem(int cores, String line, String ranks, int coresPerRank)
            throws IOException {
        ScalingPlan plan = plan(cores, "kind: weak", "batch-size: 8", line);

        assertEquals(ranks, String.join(" ", plan.ranks().stream().map(String::valueOf).toList()));
        assertEquals(coresPerRank, plan.coresPerRank());
    }

    @Test
    void shouldKeepTheGlobalBatchInStrongScaling() throws IOException {
        ScalingPlan plan = plan(2, "kind: strong", "global-batch: 64", "set: [precision=tf32]", "steps: 7", "warmup: 2");

        String job = folder.resolve("job.yaml").toString();
        List<String> expected = List.of("bench", "step", job, "--set", "precision=tf32", "--set", "train.global-batch=64",
                "--steps", "7", "--warmup", "2", "--json");
        assertEquals(expected, plan.arguments(1));
        assertEquals(expected, plan.arguments(2));
    }

    @Test
    void shouldLetTheDataGrowInWeakScalingSoThatAnEpochKeepsItsSteps() throws IOException {
        ScalingPlan plan = plan(4, "kind: weak", "batch-size: 8");

        assertEquals(List.of("train.global-batch=32", "data.train.samples=400"), plan.settings(4));
        Job job = JobFile.load(folder.resolve("job.yaml"), plan.settings(4));
        assertEquals(8, job.train().batchPerRank(4));
    }

    @Test
    void shouldBindRanksToTheirCores() throws IOException {
        ScalingPlan plan = plan(8, "kind: weak", "batch-size: 8", "ranks: [1, 4, 16]", "launcher-arguments: [--tag-output]");

        assertEquals(List.of("mpirun", "-np", "4", "--map-by", "slot:PE=2", "--tag-output"), plan.launch(4));
        assertEquals("2 cores a rank", plan.binding(4));
        assertFalse(plan.isOversubscribed(4));
        assertEquals(List.of("mpirun", "-np", "16", "--oversubscribe", "--bind-to", "none", "--tag-output"),
                plan.launch(16));
        assertEquals("none", plan.binding(16));
        assertTrue(plan.isOversubscribed(16));
    }

    @Test
    void shouldLeaveBindingToTheUserWhoNamesOne() throws IOException {
        ScalingPlan plan = plan(8, "kind: weak", "batch-size: 8", "launcher-arguments: [--map-by, node]");

        assertEquals(List.of("mpirun", "-np", "2", "--map-by", "node"), plan.launch(2));
        assertEquals("by launcher-arguments", plan.binding(2));
    }

    @Test
    void shouldUseSrunInAnAllocationOfSlurm() throws IOException {
        Allocation allocation = Allocation.detect(
                Map.of("SLURM_JOB_ID", "7", "SLURM_JOB_CPUS_PER_NODE", "16(x2),8", "SLURM_NTASKS", "10"), 3);
        ScalingPlan plan = plan(allocation, "kind: weak", "batch-size: 8");

        assertEquals(List.of(1, 2, 4, 8), plan.ranks());
        assertEquals(40, plan.cores());
        assertEquals(List.of("srun", "--ntasks=8", "--mpi=pmix", "--kill-on-bad-exit=1", "--nodes=2",
                "--distribution=block:block,Pack", "--cpus-per-task=4", "--cpu-bind=cores"), plan.launch(8));
        assertTrue(plan.launch(4).contains("--nodes=1"), plan.launch(4)::toString);
        assertFalse(plan.isOversubscribed(8));
        assertEquals(List.of("srun", "--ntasks=64", "--mpi=pmix", "--kill-on-bad-exit=1", "--overcommit", "--cpu-bind=none"),
                plan.launch(64));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "16(x2),8 | ranks: [8]        | 4 |",
        "16(x2),8 | ranks: [2]        | 16 |",
        "4(x2)    | ranks: [1, 3]     | 2 |",
        "3(x2)    | cores-per-rank: 2 | 2 | 4",
    })
    void shouldGiveNoRankCoresOfTwoNodes(String nodes, String line, int coresPerRank, Integer tooMany) throws IOException {
        ScalingPlan plan = plan(Allocation.detect(Map.of("SLURM_JOB_ID", "7", "SLURM_JOB_CPUS_PER_NODE", nodes), 1),
                "kind: weak", "batch-size: 8", line);

        assertEquals(coresPerRank, plan.coresPerRank());
        plan.ranks().forEach(count -> assertFalse(plan.isOversubscribed(count), "" + count));
        assertTrue(tooMany == null || plan.isOversubscribed(tooMany));
    }

    @Test
    void shouldTakeItsMachineWhereThereIsNoSlurm() {
        assertEquals(new Allocation(false, List.of(3), 3), Allocation.detect(Map.of("SLURM_NTASKS", "10"), 3));
        assertEquals(new Allocation(true, List.of(3), 3), Allocation.detect(Map.of("SLURM_JOB_ID", "7"), 3));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "kind: strong | global-batch: 64 | ranks: [1, 3] | 'global-batch' is 64, which 3 ranks do not divide; choose a multiple of"
                + " 3 or other 'ranks'",
        "kind: weak   | batch-size: 8    | base: 4       | 'base' is 4, but the ranks for 2 cores are [1, 2]; choose one of them, or"
                + " list 'ranks'",
        "kind: weak   | batch-size: 8    | ranks: [1, 1000000] | data.train.samples is 3000 a rank, so that 1000000 ranks have more"
                + " than 2147483647; choose fewer of either",
        "kind: strong | global-batch: 3200 | ranks: [1, 2] | 'global-batch' is 3200: a step takes 3200 samples of each of 1 rank,"
                + " which has 3000, as data.train.samples is 3000; choose a smaller batch or more samples",
        "kind: weak   | batch-size: 3001 | ranks: [2, 4] | 'batch-size' is 3001: a step takes 3001 samples of each of 2 ranks,"
                + " which has 3000, as data.train.samples is 3000 a rank; choose a smaller batch or more samples",
        "kind: weak   | batch-size: 3000 | ranks: [1, 1000000] | 'batch-size' is 3000 a rank, so that a step of 1000000 ranks has"
                + " more than 2147483647 samples; choose fewer of either",
    })
    void shouldRefuseRanksThatDoNotFit(String kind, String batch, String line, String expected) {
        InvalidInputException error = assertThrows(InvalidInputException.class,
                () -> plan(2, kind, batch, line, "set: [data.train.samples=3000]"));

        assertEquals(folder.resolve("b.yaml") + ": " + expected, error.getMessage());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "kind: strong | global-batch: 64 | 'global-batch' is 64, which 3 micro-batches a step (train.accumulate 3 on 1 rank) do"
                + " not divide; choose a multiple of 3 or other 'ranks'",
        "kind: strong | global-batch: 63 | 'global-batch' is 63, which 6 micro-batches a step (train.accumulate 3 on 2 ranks) do"
                + " not divide; choose a multiple of 6 or other 'ranks'",
        "kind: weak   | batch-size: 8    | 'batch-size' is 8, which 3 micro-batches a step (train.accumulate 3) do not divide;"
                + " choose a multiple of 3",
    })
    void shouldRefuseABatchThatIsNotOfWholeMicroBatches(String kind, String batch, String expected) {
        InvalidInputException error = assertThrows(InvalidInputException.class,
                () -> plan(2, kind, batch, "set: [train.accumulate=3]"));

        assertEquals(folder.resolve("b.yaml") + ": " + expected, error.getMessage());
    }

    @Test
    void shouldLetTheSamplerRepeatSomeSoThatAStepIsFull() throws IOException {
        // 50 and 50, the last of them twice.
        assertEquals(List.of(1, 2), plan(2, "kind: strong", "global-batch: 98", "set: [data.train.samples=99]").ranks());
        assertThrows(InvalidInputException.class,
                () -> plan(2, "kind: strong", "global-batch: 100", "set: [data.train.samples=99]"));
    }

    @Test
    void shouldLetSyntheticNumbersGrowWithTheRanksToo() throws IOException {
        ScalingPlan plan = plan(4, "kind: weak", "batch-size: 8", "set: ['data.train={format: synthetic, samples: 100,"
                + " features: 4, outputs: 3}', loss=mse]");

        assertEquals(List.of("data.train={format: synthetic, samples: 100, features: 4, outputs: 3}", "loss=mse",
                "train.global-batch=32", "data.train.samples=400"), plan.settings(4));
    }

    @Test
    void shouldRecordWhatSteersMpiAndNothingElse() throws IOException {
        ScalingPlan plan = plan(2, "kind: weak", "batch-size: 8");
        Job job = JobFile.load(folder.resolve("job.yaml"), plan.settings(1));

        ScalingResult.Setup setup = plan.setup("0.1.0", "abc", List.of("./lockstep"), job,
                Map.of("OMPI_MCA_coll_tuned_allreduce_algorithm", "4", "HOME", "/nowhere", "OMP_NUM_THREADS", "2",
                        "SLURM_JOB_USER", "me", "SLURM_JOB_ACCOUNT", "ours", "JDK_JAVA_OPTIONS", "-Xint"));

        assertEquals(Map.of("OMPI_MCA_coll_tuned_allreduce_algorithm", "4", "OMP_NUM_THREADS", "2", "JDK_JAVA_OPTIONS",
                "-Xint"), setup.environment());
        assertEquals("coll_tuned_allreduce_algorithm=4", setup.mpiParameters("coll"));
        assertEquals("MPI's default, where openmpi-mca-params.conf sets none", setup.mpiParameters("pml", "btl"));
        assertEquals("b", plan.name());
    }

    private ScalingPlan plan(int cores, String... lines) throws IOException {
        return plan(new Allocation(false, List.of(cores), cores), lines);
    }

    private ScalingPlan plan(Allocation allocation, String... lines) throws IOException {
        Path job = Files.writeString(folder.resolve("job.yaml"), JOB);
        Path file = Files.writeString(folder.resolve("b.yaml"), String.join("\n", lines) + "\njob: job.yaml\n");
        var config = ScalingFile.load(file, List.of());
        return ScalingPlan.of(config, JobFile.load(job, config.sets()), allocation);
    }
}
