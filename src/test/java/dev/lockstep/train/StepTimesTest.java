package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.bench.FaultyCommunicator;
import dev.lockstep.comm.Communicator;
import dev.lockstep.comm.HostTransfer;
import dev.lockstep.comm.local.SingleRank;
import dev.lockstep.ddp.BucketPlan;
import dev.lockstep.device.Device;
import dev.lockstep.device.Event;
import dev.lockstep.device.Stream;
import dev.lockstep.device.Timeline;
import dev.lockstep.device.Timeline.Phase;
import dev.lockstep.device.cpu.CpuDevice;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.job.Job;
import dev.lockstep.testing.RankThreads;
import dev.lockstep.train.StepTimes.OperationTime;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The breakdown of steps, and the trace, of a job in several chunks whose last batch is a short one. */
class StepTimesTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final TrainingListener SILENT = new TrainingListener() { };
    private static final Job JOB = SmallJobs.job("distributed={first-bucket: 60B, bucket: 100B, chunk: 60B}");

    @TempDir
    private Path folder;

    @Test
    void shouldDivideAStepIntoPartsThatFitIntoIt() {
        Map<Integer, StepBreakdown> byRank = new ConcurrentHashMap<>();
        Map<Integer, Double> epochSeconds = new ConcurrentHashMap<>();
        RankThreads.run(2, LIMIT, communicator -> {
            try (Device device = new CpuDevice(1)) {
                Trainer trainer = SmallJobs.trainer(JOB, device, communicator, SILENT);
                trainer.times().reset();
                EpochMetrics epoch = trainer.trainEpoch(1, Trainer.StepHook.NONE);
                StepBreakdown steps = trainer.times().breakdown().orElseThrow();
                byRank.put(communicator.rank(), steps);
                for (double part : new double[] {steps.dataSeconds(), steps.forwardSeconds(), steps.backwardSeconds(),
                    steps.commSeconds(), steps.optimizerSeconds(), steps.gigaflops(), steps.gemmShare()}) {
                    assertTrue(part > 0, steps.toString());
                }
                assertTrue(steps.exposedCommSeconds() >= 0);
                assertTrue(steps.dataSeconds() + steps.forwardSeconds() + steps.backwardSeconds()
                        + steps.exposedCommSeconds() <= steps.stepSeconds(), steps.toString());
                assertTrue(steps.gemmShare() * steps.stepSeconds() <= steps.forwardSeconds() + steps.backwardSeconds());
                assertTrue(steps.optimizerSeconds() < steps.stepSeconds());
                // 25 samples a rank: three full steps, and a short one that does not count.
                // The first layer's input has no gradient.
                double flops = 2 * (6 * 5 * 2 + 5 * 3 * 3) * 8;
                assertEquals(flops, steps.gigaflops() * 1e9 * steps.stepSeconds(), 1e-6);
                assertEquals(1 - steps.exposedCommSeconds() / steps.commSeconds(), steps.hiddenFraction());
                epochSeconds.put(communicator.rank(), epoch.seconds());
            }
        });
        assertEquals(byRank.get(0), byRank.get(1));
        assertTrue(3 * byRank.get(0).stepSeconds() <= Collections.max(epochSeconds.values()));
    }

    /** What rank 1 keeps rank 0 waiting for is exposed on both, and communication on neither. */
    @Test
    void shouldNotTakeAWaitForALateRankForCommunication() {
        double lateSeconds = 0.2;
        RankThreads.run(2, LIMIT, communicator -> {
            try (Device device = new CpuDevice(1)) {
                Trainer trainer = SmallJobs.trainer(SmallJobs.job(), device,
                        late(communicator, communicator.rank() * lateSeconds), SILENT);
                trainer.times().reset();
                trainer.trainEpoch(1, Trainer.StepHook.NONE);
                assertEquals(1, trainer.times().chunkSeconds().length);
                StepBreakdown steps = trainer.times().breakdown().orElseThrow();
                assertTrue(steps.commSeconds() > 0 && steps.commSeconds() < lateSeconds / 2, steps.toString());
                assertTrue(steps.exposedCommSeconds() > lateSeconds / 2, steps.toString());
                assertTrue(steps.dataSeconds() + steps.forwardSeconds() + steps.backwardSeconds()
                        + steps.exposedCommSeconds() <= steps.stepSeconds(), steps.toString());
            }
        });
    }

    /** It does as the other, but comes to each sum so much later. */
    private static Communicator late(Communicator communicator, double seconds) {
        return FaultyCommunicator.of(communicator, (sums, floats, transfer) -> sums.prepareAllReduce("", floats,
                new HostTransfer() {
                    @Override
                    public void fetch() {
                        spin(seconds);
                        transfer.fetch();
                    }

                    @Override
                    public void store() {
                        transfer.store();
                    }
                }));
    }

    /** Where an idle device takes long to say so, that time is no step's. */
    @Test
    void shouldCountTheFirstWaitForTheDeviceAfterAStepOnly() {
        try (Device device = new ReferenceDevice()) {
            StepTimes times = new StepTimes(new SingleRank(), slowToSynchronize(0.02), List.of(),
                    List.of(new Timeline(device)), true);
            times.begin(0, 2);
            times.stepDone(1);
            times.reset();
            times.settle();
            long begin = System.nanoTime();
            times.begin(1, 2);
            times.stepTimed();
            times.stepDone(1);
            times.settle();
            double window = (System.nanoTime() - begin) * 1e-9;
            times.settle();

            double step = times.breakdown().orElseThrow().stepSeconds();

            assertTrue(step >= 0.02 && step <= window, step + " of " + window);
        }
    }

    private static Stream slowToSynchronize(double seconds) {
        return new Stream() {
            @Override
            public void synchronize() {
                spin(seconds);
            }

            @Override
            public void waitFor(Event event) {
                throw new UnsupportedOperationException();
            }
        };
    }

    private static void spin(double seconds) {
        long begin = System.nanoTime();
        while ((System.nanoTime() - begin) * 1e-9 < seconds) {
            Thread.onSpinWait();
        }
    }

    /** Where timing holds up a step: the first of an epoch may warm up, a short one is not like the others. */
    @Test
    void shouldTimeTheSecondFullStepSinceAResetAndEvery64thAfterIt() {
        try (Device device = new ReferenceDevice()) {
            StepTimes times = new StepTimes(new SingleRank(), device.computeStream(), List.of(), List.of(new Timeline(device)),
                    false);
            assertEquals(List.of(2, 66, 130), timed(times, 150));
            times.reset();
            assertEquals(List.of(2), timed(times, 2));
            times.reset();
            assertEquals(List.of(2), timed(times, 40));
            assertEquals(List.of(26), timed(times, 40));
            // Of these epochs one step is all that counts.
            assertEquals(List.of(1), timed(times, 1));
            assertEquals(List.of(1), timed(times, 0));
        }
    }

    /** Which steps of an epoch are, whose last step is a short one; counted from 1. */
    private static List<Integer> timed(StepTimes times, int fullSteps) {
        List<Integer> timed = new ArrayList<>();
        for (int i = 0; i <= fullSteps; i++) {
            if (times.begin(i, fullSteps)) {
                timed.add(i + 1);
            }
            times.stepDone(1);
        }
        return timed;
    }

    @Test
    void shouldListTheOperationsOfAFullStepInTheirOrder() {
        RankThreads.run(2, LIMIT, communicator -> {
            try (Device device = new ReferenceDevice()) {
                Trainer trainer = SmallJobs.trainer(JOB, device, communicator, SILENT);
                trainer.trainEpoch(1, Trainer.StepHook.NONE);
                List<OperationTime> operations = trainer.times().operations();
                List<String> names = new ArrayList<>();
                names.addAll(List.of("gather", "0.forward", "2.forward", "loss", "2.backward.bias"));
                names.addAll(weightRows(trainer.replica().plan(), 2));
                names.add("2.backward.input");
                names.addAll(weightRows(trainer.replica().plan(), 0));
                int chunks = trainer.replica().plan().chunks().size();
                for (int i = 0; i < chunks; i++) {
                    names.add("update chunk " + i);
                }
                assertTrue(chunks > 2);
                assertEquals(names, operations.stream().map(OperationTime::name).toList());
                assertEquals(Phase.DATA, operations.get(0).phase());
                assertEquals(2 * 8 * 6 * 5, operations.get(1).flops());
                assertEquals(0, operations.get(3).flops());
                assertEquals(2 * 8 * (6 * 5 * 2 + 5 * 3 * 3),
                        operations.stream().mapToDouble(OperationTime::flops).sum(), 1e-9);
                assertTrue(operations.stream().allMatch(operation -> operation.seconds() > 0));
                double[] chunkSeconds = trainer.times().chunkSeconds();
                assertEquals(chunks, chunkSeconds.length);
                assertTrue(Arrays.stream(chunkSeconds).allMatch(seconds -> seconds > 0));
            }
        });
    }

    @Test
    void shouldTakeAllMicroBatchesOfAStepTogether() {
        Job job = SmallJobs.job("distributed={first-bucket: 60B, bucket: 100B, chunk: 60B}", "train.batch-size=2",
                "train.accumulate=5");
        RankThreads.run(2, LIMIT, communicator -> {
            try (Device device = new CpuDevice(1)) {
                Trainer trainer = SmallJobs.trainer(job, device, communicator, SILENT);
                trainer.trainEpoch(1, Trainer.StepHook.NONE);
                List<OperationTime> operations = trainer.times().operations();
                // The first micro-batch, the three between, the last.
                assertEquals(List.of(2.0 * 2 * 6 * 5, 3 * 2.0 * 2 * 6 * 5, 2.0 * 2 * 6 * 5), operations.stream()
                        .filter(operation -> operation.name().equals("0.forward")).map(OperationTime::flops).toList());
                double flops = 2 * (6 * 5 * 2 + 5 * 3 * 3) * 10;
                assertEquals(flops, operations.stream().mapToDouble(OperationTime::flops).sum(), 1e-9);
                assertTrue(operations.stream().allMatch(operation -> operation.seconds() > 0));
                assertEquals("update chunk " + (trainer.replica().plan().chunks().size() - 1),
                        operations.get(operations.size() - 1).name());
                StepBreakdown steps = trainer.times().breakdown().orElseThrow();
                assertEquals(flops, steps.gigaflops() * 1e9 * steps.stepSeconds(), 1e-6);
                assertTrue(steps.dataSeconds() + steps.forwardSeconds() + steps.backwardSeconds()
                        + steps.exposedCommSeconds() <= steps.stepSeconds(), steps.toString());
                assertTrue(steps.gemmShare() * steps.stepSeconds() <= steps.forwardSeconds() + steps.backwardSeconds());
            }
        });
    }

    @Test
    void shouldTraceEveryMicroBatch() throws Exception {
        Path file = folder.resolve("trace.json");
        try (Device device = new CpuDevice(1)) {
            Trainer trainer = SmallJobs.trainer(SmallJobs.job("train.batch-size=4", "train.accumulate=4"), device,
                    new SingleRank(), SILENT);
            Trace trace = new Trace(new SingleRank(), "host");
            trainer.traceInto(trace);
            trainer.trainEpoch(1, Trainer.StepHook.NONE);
            trace.write(Optional.of(file));
        }
        Map<String, Integer> counts = new HashMap<>();
        new ObjectMapper().readTree(Files.readString(file)).get("traceEvents")
                .forEach(event -> counts.merge(name(event), 1, Integer::sum));
        // 50 samples: three steps of four micro-batches, and one of a micro-batch of two samples.
        assertEquals(4, counts.get("step"));
        assertEquals(13, counts.get("0.forward"));
        assertEquals(4, counts.get("update chunk 0"));
    }

    /** Of the layer's weight, which is the second parameter from its end of the backward order. */
    private static List<String> weightRows(BucketPlan plan, int layer) {
        int[] ends = plan.rowEnds().get(layer == 2 ? 1 : 3);
        List<String> names = new ArrayList<>();
        for (int i = 0; i < ends.length; i++) {
            names.add(layer + ".backward.weight rows " + (i == 0 ? 0 : ends[i - 1]) + "-" + ends[i]);
        }
        return names;
    }

    @Test
    void shouldForgetWhatWasBeforeAReset() {
        try (Device device = new CpuDevice(1)) {
            Trainer trainer = SmallJobs.trainer(SmallJobs.job(), device, new SingleRank(), SILENT);
            assertEquals(Optional.empty(), trainer.times().breakdown());
            assertEquals(List.of(), trainer.times().operations());
            trainer.trainEpoch(1, Trainer.StepHook.NONE);
            StepBreakdown alone = trainer.times().breakdown().orElseThrow();
            assertEquals(0, alone.commSeconds());
            assertEquals(0, alone.exposedCommSeconds());
            assertFalse(alone.toMap().containsKey("hidden_fraction"));
            trainer.times().reset();
            assertEquals(Optional.empty(), trainer.times().breakdown());
        }
    }

    /** Switching on and off changes no number: the order of sums over ranks stays. */
    @Test
    void shouldTrainTheSameWithOverlapSwitchedBetweenSteps() {
        Map<String, double[]> losses = new ConcurrentHashMap<>();
        for (boolean switching : new boolean[] {false, true}) {
            RankThreads.run(2, LIMIT, communicator -> {
                try (Device device = new CpuDevice(1)) {
                    Trainer trainer = SmallJobs.trainer(JOB, device, communicator, SILENT);
                    assertTrue(trainer.overlaps());
                    trainer.trainEpoch(1, (epoch, step) -> trainer.setOverlap(!switching || step % 2 == 0));
                    EpochMetrics second = trainer.trainEpoch(2, Trainer.StepHook.NONE);
                    losses.put(switching + " " + communicator.rank(), new double[] {second.trainLoss()});
                }
            });
        }
        assertArrayEquals(losses.get("false 0"), losses.get("true 0"));
        assertArrayEquals(losses.get("false 1"), losses.get("true 1"));
    }

    @Test
    void shouldTraceEachOperationAndEachChunkOfEveryRank() throws Exception {
        Path file = folder.resolve("trace.json");
        Map<Integer, Integer> chunks = new ConcurrentHashMap<>();
        RankThreads.run(2, LIMIT, communicator -> {
            try (Device device = new CpuDevice(1)) {
                Trainer trainer = SmallJobs.trainer(JOB, device, communicator, SILENT);
                chunks.put(communicator.rank(), trainer.replica().plan().chunks().size());
                Trace trace = new Trace(communicator, "host-" + communicator.rank());
                trainer.traceInto(trace);
                trainer.trainEpoch(1, Trainer.StepHook.NONE);
                trace.write(communicator.rank() == 0 ? Optional.of(file) : Optional.empty());
            }
        });
        JsonNode events = new ObjectMapper().readTree(Files.readString(file)).get("traceEvents");
        Map<String, Integer> counts = new HashMap<>();
        TreeSet<Long> steps = new TreeSet<>();
        double earliest = Double.MAX_VALUE;
        for (JsonNode event : events) {
            counts.merge(event.get("pid").asInt() + " " + event.get("ph").textValue() + " " + name(event), 1, Integer::sum);
            if (event.get("ph").textValue().equals("X")) {
                steps.add(event.get("args").get("step").longValue());
                assertTrue(event.get("dur").doubleValue() >= 0);
            }
            earliest = event.has("ts") ? Math.min(earliest, event.get("ts").doubleValue()) : earliest;
        }
        assertEquals(0, earliest, 0.001);
        assertEquals(List.of(1L, 2L, 3L, 4L), List.copyOf(steps));
        for (int rank = 0; rank < 2; rank++) {
            assertEquals(1, counts.get(rank + " M rank " + rank + " on host-" + rank));
            assertEquals(4, counts.get(rank + " X step"));
            assertEquals(4, counts.get(rank + " X 0.forward"));
            assertEquals(4, counts.get(rank + " X 2.backward.input"));
            for (int chunk = 0; chunk < chunks.get(rank); chunk++) {
                String prefix = rank + " X chunk " + chunk + " of bucket ";
                assertEquals(4, counts.entrySet().stream().filter(e -> e.getKey().startsWith(prefix)
                        && e.getKey().endsWith(": allreduce")).mapToInt(Map.Entry::getValue).sum(), prefix);
                assertEquals(4, counts.get(rank + " X update chunk " + chunk));
            }
        }
    }

    private static String name(JsonNode event) {
        return event.get("ph").textValue().equals("M") ? event.get("args").get("name").textValue()
                : event.get("name").textValue();
    }

    /** A long run's trace holds its last steps. */
    @Test
    void shouldKeepTheLastStepsOfALongRun() throws Exception {
        Path file = folder.resolve("trace.json");
        try (Device device = new CpuDevice(1)) {
            Trainer trainer = SmallJobs.trainer(SmallJobs.job("data.train.samples=60000"), device, new SingleRank(), SILENT);
            Trace trace = new Trace(new SingleRank(), "host");
            trainer.traceInto(trace);
            trainer.trainEpoch(1, Trainer.StepHook.NONE);
            trace.write(Optional.of(file));
            List<JsonNode> events = new ArrayList<>();
            new ObjectMapper().readTree(Files.readString(file)).get("traceEvents").forEach(events::add);
            assertEquals((1 << 16) + 3, events.size());
            assertEquals(7500, events.get(events.size() - 1).get("args").get("step").longValue());
        }
    }
}
