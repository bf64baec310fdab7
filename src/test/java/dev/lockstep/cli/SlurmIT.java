package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.testing.Lockstep;
import dev.lockstep.testing.ProcessRun;
import dev.lockstep.testing.SlurmCluster;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The scripts in slurm/ on a real Slurm with two nodes, each test's job a rank a node. */
class SlurmIT {
    @RegisterExtension
    static final SlurmCluster SLURM = new SlurmCluster();

    private static final String TRAIN = script("train");
    private static final String ENDLESS = "1000000";
    private static final int STEPS_PER_EPOCH = 8;
    private static final String STAND_IN = "export CUDA_HOME=" + Path.of("target/cuda-stand-in").toAbsolutePath()
            + " CUDA_STAND_IN_DEVICES=4\n";

    @TempDir
    private Path folder;

    @BeforeEach
    void writeJob() throws IOException {
        SmallJob.write(folder);
        setEpochs("2");
        program("exec " + Lockstep.LAUNCHER + " \"$@\"");
    }

    /** What {@code ./lockstep} does there. */
    private void program(String command) throws IOException {
        Path program = Files.writeString(folder.resolve("lockstep"), "#!/bin/sh\n" + command + "\n");
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private static String script(String name) {
        return Path.of("slurm/" + name + ".sbatch").toAbsolutePath().toString();
    }

    private void setEpochs(String epochs) throws IOException {
        Files.writeString(folder.resolve("small.yaml"), SmallJob.YAML.replace("epochs: 2", "epochs: " + epochs)
                .replace("log: {every-steps: 1}", ""));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "srun --mpi=pmix"})
    void shouldTrainOnTwoNodes(String launcher) throws Exception {
        SlurmJob job = SlurmJob.submit(folder, "--cpus-per-task=1", "--export=ALL,LOCKSTEP_LAUNCHER=" + launcher, TRAIN,
                "small.yaml");

        job.await("\n0     node1 ");
        job.await("\n1     node2 ");
        job.await("\nresults: runs/small-" + job.id() + "\n");
        assertEquals(hashUndisturbed(), hash(run(job)));
    }

    /** With the stand-in for CUDA both nodes are one machine, which has the second's GPUs as numbers 2 and 3. */
    @ParameterizedTest
    @CsvSource({"mpirun --bind-to none, --gpus-per-task=1", "mpirun --bind-to none, --gpus=4",
        "srun --mpi=pmix, --gpus-per-task=1"})
    void shouldGiveEachRankAGpuOfItsOwn(String launcher, String gpus) throws Exception {
        program(STAND_IN
                + "[ \"$(hostname)\" = node1 ] || export CUDA_VISIBLE_DEVICES=$(echo \"$CUDA_VISIBLE_DEVICES\" | tr 01 23)\n"
                + "exec " + Lockstep.LAUNCHER + " \"$@\"");

        SlurmJob job = SlurmJob.submit(folder, "--ntasks-per-node=2", "--cpus-per-task=1", gpus,
                "--export=ALL,LOCKSTEP_LAUNCHER=" + launcher, TRAIN, "small.yaml", "--set", "device=cuda");

        job.await("\nresults: runs/small-" + job.id() + "\n");
        List<String> ranks = Pattern.compile("\n([0-3]) +(node[12]) .* GPU [0-9] .*( [0-9A-F]{4}:[0-9A-F]{2}:00\\.0)",
                Pattern.CASE_INSENSITIVE).matcher(Files.readString(job.output())).results()
                .map(rank -> rank.group(1) + " " + rank.group(2) + rank.group(3).toUpperCase(Locale.ROOT)).toList();
        assertEquals(List.of("0 node1 0000:1B:00.0", "1 node1 0000:3B:00.0", "2 node2 0000:5B:00.0", "3 node2 0000:7B:00.0"),
                ranks);
    }

    @Test
    void shouldTrainWithEachSeedOfAnArrayInAFolderOfItsOwn() throws Exception {
        SlurmJob array = SlurmJob.submit(folder, "--cpus-per-task=1", "--array=3-5", "--output=%A_%a.out", TRAIN,
                "small.yaml");

        Set<String> hashes = new HashSet<>();
        for (int seed = 3; seed <= 5; seed++) {
            SlurmJob task = array.task(seed);
            task.await("\nresults: runs/small-" + task.id() + "\n");
            assertTrue(Files.readString(run(task).resolve("config.yaml")).contains("seed: " + seed + "\n"));
            hashes.add(hash(run(task)));
        }
        assertEquals(3, hashes.size());
    }

    /** The last task of an array has the array's number as its own. */
    @Test
    void shouldRequeueNoOtherTaskOfTheArray() throws Exception {
        setEpochs(ENDLESS);
        SlurmJob array = SlurmJob.submit(folder, "--cpus-per-task=1", "--array=0-1", "--output=%A_%a.out", TRAIN,
                "small.yaml");
        SlurmJob first = array.task(0);
        SlurmJob last = array.task(1);
        first.awaitTraining();
        last.awaitTraining();
        last.awaitTrainingFrom(last.stopBy("scancel", "--batch", "--signal=USR1", last.id()));

        assertFalse(Files.readString(first.output()).contains("stopped on request"));
        SlurmJob.succeed(folder, "scancel", array.id());
        awaitEnd(array);
    }

    /** By the signal that comes before a time limit, by a more urgent job that needs its cores, and by hand. */
    @Test
    void shouldEndAsIfItHadNeverBeenRequeued() throws Exception {
        setEpochs(ENDLESS);
        SlurmJob job = SlurmJob.submit(folder, "--cpus-per-task=3", TRAIN, "small.yaml");
        job.awaitTraining();
        job.awaitTrainingFrom(job.stopBy("scancel", "--batch", "--signal=USR1", job.id()));
        job.awaitTrainingFrom(job.stopBy("sbatch", "--partition=urgent", "--nodes=2", "--ntasks-per-node=1",
                "--cpus-per-task=3", "--output=/dev/null", "--wrap=true"));
        int step = job.stopBy("scontrol", "requeuehold", job.id());
        setEpochs("" + (step / STEPS_PER_EPOCH + 3));
        SlurmJob.succeed(folder, "scontrol", "release", job.id());

        job.await("\nresults: runs/small-" + job.id() + "\n");
        assertEquals(hashUndisturbed(), hash(run(job)));
    }

    @Test
    void shouldStopAheadOfItsTimeLimitAndGoOn() throws Exception {
        setEpochs(ENDLESS);
        SlurmJob job = SlurmJob.submit(folder, "--cpus-per-task=1", "--time=1", "--signal=B:USR1@55", TRAIN, "small.yaml");

        job.awaitTrainingFrom(job.awaitStop());
        SlurmJob.succeed(folder, "scancel", job.id());
        awaitEnd(job);
    }

    @Test
    void shouldLeaveNothingBehindWhenCancelled() throws Exception {
        setEpochs(ENDLESS);
        SlurmJob job = SlurmJob.submit(folder, "--cpus-per-task=1", TRAIN, "small.yaml");
        job.awaitTraining();
        int step = job.stopBy("scancel", job.id());
        awaitEnd(job);

        assertEquals(List.of(), Lockstep.processesOf(folder));
        try (Stream<Path> checkpoints = Files.list(run(job).resolve("checkpoints"))) {
            assertEquals(List.of(String.format("step-%08d", step)),
                    checkpoints.map(path -> path.getFileName().toString()).toList());
        }
        ProcessRun.Result evaluated = Lockstep.alone("evaluate", run(job).toString()).run();
        assertEquals(0, evaluated.exitStatus(), evaluated::toString);
        assertTrue(SlurmJob.succeed(folder, "scontrol", "show", "job", job.id()).contains("JobState=CANCELLED"));
    }

    /** mpirun ends it by itself; srun would wait as long as the job may run. */
    @Test
    void shouldNotWaitForARankThatStaysWhereTheOthersHaveEnded() throws Exception {
        program("[ \"$(hostname)\" = node2 ] && exec sleep 1000; exit 1");
        SlurmJob job = SlurmJob.submit(folder, "--cpus-per-task=1", "--export=ALL,LOCKSTEP_LAUNCHER=srun --mpi=none", TRAIN,
                "small.yaml");

        job.await("Terminating StepId");
        awaitEnd(job);
        assertTrue(SlurmJob.succeed(folder, "scontrol", "show", "job", job.id()).contains("JobState=FAILED"));
    }

    /** A job that may start only then has started. */
    private void awaitEnd(SlurmJob job) {
        SlurmJob.submit(folder, "--dependency=afterany:" + job.id(), "--wrap=echo ended").await("ended");
    }

    @Test
    void shouldRefuseTasksOfSrunThatAreAloneForMpi() throws Exception {
        ProcessRun.Result run = SlurmCluster.command("srun", "--nodes=2", "--ntasks=2", "--mpi=none", "./lockstep", "train",
                "small.yaml").directory(folder).run();

        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(List.of("lockstep: error: srun started 2 tasks, but each is alone for MPI, as srun has no PMIx for this"
                + " Open MPI; use srun --mpi=pmix, or mpirun inside sbatch"), Lockstep.errors(run), run::toString);
        assertFalse(Files.exists(folder.resolve("runs")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"strong", "weak"})
    void shouldMeasureScalingWithSrun(String kind) throws Exception {
        writeScaling(kind);
        SlurmJob.submit(folder, script(kind + "-scaling"), "--set", "ranks=[1,2]", "--set", "cores-per-rank=1",
                "--output", "out").await("\nreport: out/report.html\n");

        JsonNode json = new ObjectMapper().readTree(folder.resolve("out/scaling.json").toFile());
        assertEquals(kind, json.at("/setup/scaling").asText());
        assertEquals(8, json.at("/setup/cores").asInt());
        for (JsonNode run : json.get("runs")) {
            assertEquals("srun", run.at("/command/0").asText());
            // The two nodes have room for four such ranks each.
            assertEquals(1, run.at("/result/hosts").asInt(), run::toString);
        }
        assertEquals(List.of("ok", "ok"), json.get("rows").findValuesAsText("status"));
    }

    @Test
    void shouldMeasureScalingOnGpus() throws Exception {
        program(STAND_IN + "exec " + Lockstep.LAUNCHER + " \"$@\"");
        Files.writeString(folder.resolve("small.yaml"), "device: cuda\n" + SmallJob.YAML);
        writeScaling("weak");

        SlurmJob.submit(folder, "--ntasks-per-node=2", "--gpus-per-task=1", script("weak-scaling"), "--set", "ranks=[1,2]",
                "--set", "cores-per-rank=1", "--output", "out").await("\nreport: out/report.html\n");

        JsonNode json = new ObjectMapper().readTree(folder.resolve("out/scaling.json").toFile());
        assertEquals(List.of("ok", "ok"), json.get("rows").findValuesAsText("status"), json::toString);
        for (JsonNode run : json.get("runs")) {
            assertTrue(run.at("/result/device").asText().startsWith("CUDA stand-in (CUDA "), run::toString);
        }
    }

    private void writeScaling(String kind) throws IOException {
        Files.createDirectory(folder.resolve("bench"));
        Files.writeString(folder.resolve("bench/" + kind + ".yaml"), """
                kind: %s
                job: ../small.yaml
                %s: 8
                steps: 4
                warmup: 1
                repeats: 1
                """.formatted(kind, kind.equals("strong") ? "global-batch" : "batch-size"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"train", "strong-scaling"})
    void shouldSayWhatIsMissing(String name) throws Exception {
        Path empty = Files.createDirectory(folder.resolve("empty"));
        ProcessRun.Result run = ProcessRun.command("bash", script(name), "small.yaml").directory(empty).run();

        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(List.of("lockstep: error: no ./lockstep in " + empty + "; call sbatch in the folder that"
                + " holds it"), run.errorLines());
    }

    private Path run(SlurmJob job) {
        return folder.resolve("runs/small-" + job.id());
    }

    /** Of the same job file, outside Slurm. */
    private String hashUndisturbed() throws IOException {
        Path run = folder.resolve("undisturbed");
        ProcessRun.Result result = Lockstep.ranks(2, "train", "small.yaml", "--output", run.toString()).directory(folder)
                .limit(Duration.ofSeconds(100)).run();
        assertEquals(0, result.exitStatus(), result::toString);
        return hash(run);
    }

    private static String hash(Path run) throws IOException {
        return Lockstep.metrics(run, "summary").get(0).get("parameters_sha256").asText();
    }
}
