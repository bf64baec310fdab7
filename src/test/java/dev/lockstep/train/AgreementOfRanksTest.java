package dev.lockstep.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.Communicator;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import dev.lockstep.tensor.ParameterArena;
import dev.lockstep.tensor.ParameterShape;
import dev.lockstep.testing.RankThreads;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** StartupAgreement and ParameterHash: a rank that differs is named, and every rank throws. */
class AgreementOfRanksTest {
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final List<ParameterShape> SHAPES =
            List.of(ParameterShape.matrix("0.weight", 3, 5), ParameterShape.bias("0.bias", 3));

    @Test
    void shouldGoOnWhereAllRanksAgree() {
        RankThreads.run(4, LIMIT, communicator -> {
            new StartupAgreement().with("job", "a").with("data", 5).check(communicator);
            communicator.barrier();
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void shouldNameTheRankAndWhatDiffers(int other) {
        RankThreads.run(4, LIMIT, communicator -> {
            boolean differs = communicator.rank() == other;
            StartupAgreement agreement = new StartupAgreement().with("job", "a").with("data", differs ? 6 : 5)
                    .with("plan", differs ? "x" : "y");
            InvalidInputException e = assertThrows(InvalidInputException.class, () -> agreement.check(communicator));
            assertEquals("rank " + other + " starts with another data than rank 0; every rank needs the same program, job"
                    + " file, options and data", e.getMessage());
        });
    }

    @Test
    void shouldNameAnotherProgramThatComparesOtherParts() {
        RankThreads.run(2, LIMIT, communicator -> {
            StartupAgreement agreement = new StartupAgreement().with("program version", communicator.rank());
            if (communicator.rank() == 0) {
                agreement.with("job", "a");
            }
            InvalidInputException e = assertThrows(InvalidInputException.class, () -> agreement.check(communicator));
            assertEquals("rank 1 starts with another program version than rank 0; every rank needs the same program, job"
                    + " file, options and data", e.getMessage());
        });
    }

    @Test
    void shouldHashAlikeOnEveryRank() {
        Set<String> hashes = new ConcurrentSkipListSet<>();
        onArenas(3, (communicator, arena) -> hashes.add(ParameterHash.agreed(arena, communicator, 7)));
        assertEquals(1, hashes.size());
        assertEquals(64, hashes.iterator().next().length());
    }

    /** By one bit of one parameter. */
    @Test
    void shouldNameTheRankWhoseParametersDrifted() {
        onArenas(3, (communicator, arena) -> {
            if (communicator.rank() == 2) {
                Buffers.write(arena.parameter("0.bias").value(), 1, Math.nextUp(1f), 1);
            }
            TrainingException e = assertThrows(TrainingException.class, () -> ParameterHash.agreed(arena, communicator, 7));
            assertEquals("the parameters of rank 2 differ from rank 0's after step 7: the replicas have drifted apart, and"
                    + " nothing is saved; this is a fault of the program or the machine", e.getMessage());
        });
    }

    @Test
    void shouldRefuseParametersThatAreNotFinite() {
        onArenas(1, (communicator, arena) -> {
            Buffers.write(arena.parameter("0.weight").value(), 1, 1, 1, 1, 1, 1, 1, Double.NaN, 1, 1, 1, 1, 1, 1, 1);
            TrainingException e = assertThrows(TrainingException.class, () -> ParameterHash.agreed(arena, communicator, 7));
            assertEquals("element 7 of 0.weight is NaN after step 7: training has diverged; lower the learning rate",
                    e.getMessage());
        });
    }

    private interface ArenaBody {
        void run(Communicator communicator, ParameterArena arena);
    }

    private static void onArenas(int ranks, ArenaBody body) {
        RankThreads.run(ranks, LIMIT, communicator -> {
            try (Device device = new ReferenceDevice()) {
                ParameterArena arena = new ParameterArena(device, SHAPES, false);
                Buffers.write(arena.parameter("0.bias").value(), 1, 1, 1);
                body.run(communicator, arena);
            }
        });
    }
}
