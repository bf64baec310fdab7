package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.local.SingleRank;
import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.job.Job;
import dev.lockstep.testing.Mutation;
import dev.lockstep.testing.ScratchFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import net.jqwik.api.AfterFailureMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

class MutatedCheckpointTest {
    private static final Job JOB = SmallJobs.job("train.epochs=1");
    private static final List<String> FILES = List.of(Checkpoint.MODEL, Checkpoint.OPTIMIZER, Checkpoint.STATE);

    private static Path run;
    private static Path checkpoint;
    private static final Map<String, byte[]> WHOLE = new TreeMap<>();

    @BeforeContainer
    static void train() throws IOException {
        run = Files.createTempDirectory("mutated-checkpoint");
        checkpoint = run.resolve("checkpoints/epoch-0001");
        try (Device device = new ReferenceDevice(); SingleRank communicator = new SingleRank()) {
            TrainingListener listener = new TrainingListener() { };
            new TrainingRun(JOB, SmallJobs.trainer(JOB, device, communicator, listener), communicator, listener,
                    Optional.of(checkpoint.getParent()), () -> false).run();
        }
        for (String name : FILES) {
            WHOLE.put(name, Files.readAllBytes(checkpoint.resolve(name)));
        }
    }

    @AfterContainer
    static void remove() throws IOException {
        try (Stream<Path> files = Files.walk(run)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    @Property(tries = 500, seed = "61", afterFailure = AfterFailureMode.PREVIOUS_SEED)
    void shouldRefuseMutatedFilesInOneLine(@ForAll long seed) throws IOException {
        Random random = new Random(seed);
        String name = FILES.get(random.nextInt(FILES.size()));
        byte[] mutated = Mutation.of(WHOLE.get(name), random);

        assertTrue(Arrays.equals(mutated, WHOLE.get(name)) || refuses(Map.of(name, mutated)), name);
    }

    /** Somebody has taken care that all sums are right. */
    @Property(tries = 500, seed = "62", afterFailure = AfterFailureMode.PREVIOUS_SEED)
    void shouldTakeForgedStatesOrRefuseThemInOneLine(@ForAll long seed) throws IOException {
        byte[] state = WHOLE.get(Checkpoint.STATE);
        int body = new String(state, StandardCharsets.ISO_8859_1).lastIndexOf(",\n");
        byte[] mutated = Mutation.of(Arrays.copyOf(state, body), new Random(seed));
        byte[] seal = (",\n  \"sha256_of_the_above\" : \"" + StartupAgreement.sha256(mutated) + "\"\n}\n").getBytes(
                StandardCharsets.UTF_8);
        byte[] forged = Arrays.copyOf(mutated, mutated.length + seal.length);
        System.arraycopy(seal, 0, forged, mutated.length, seal.length);

        refuses(Map.of(Checkpoint.STATE, forged));
    }

    @Property(tries = 1, seed = "63")
    void shouldTakeWhatIsWhole(@ForAll long ignored) throws IOException {
        assertFalse(refuses(Map.of()));
    }

    /** Does with it what `--resume`, `evaluate` and `export` do before they compute. */
    private static boolean refuses(Map<String, byte[]> changed) throws IOException {
        for (String name : FILES) {
            ScratchFile.write(checkpoint.resolve(name), changed.getOrDefault(name, WHOLE.get(name)));
        }
        try (Device device = new ReferenceDevice(); SingleRank communicator = new SingleRank()) {
            Optional<Checkpoint> found = Resumption.findUnread(run, JOB, 1, 50, warning -> { }).checkpoint();
            Trainer trainer = SmallJobs.trainer(JOB, device, communicator, new TrainingListener() { });
            boolean read = found.isPresent()
                    && found.get().read(trainer.replica());
            assertEquals(read, Resumption.find(run, JOB, 1, 50, warning -> { }).checkpoint().isPresent());
            Checkpoint opened = Checkpoint.openWhole(checkpoint);
            opened.state().parseJob(checkpoint, List.of());
            opened.readModel(trainer.replica().parameters(), trainer.replica().buffers());
            return false;
        } catch (InvalidInputException e) {
            String message = e.getMessage();
            assertTrue(message.lines().count() == 1 && message.codePoints().noneMatch(Character::isISOControl), message);
            return true;
        }
    }
}
