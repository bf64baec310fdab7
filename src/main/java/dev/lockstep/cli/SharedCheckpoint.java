package dev.lockstep.cli;

import dev.lockstep.comm.Communicator;
import dev.lockstep.data.CsvEncoding;
import dev.lockstep.train.Checkpoint;
import dev.lockstep.train.CheckpointState;
import dev.lockstep.train.Preprocessing;
import dev.lockstep.train.Trainer;
import java.util.Optional;

/** What all ranks know of a checkpoint that only rank 0 may have on its disk. */
final class SharedCheckpoint {
    private SharedCheckpoint() {
    }

    /** Rank 0's, on every rank. Collective. */
    static Optional<CheckpointState> state(Communicator communicator, Optional<Checkpoint> onRank0) {
        byte[] state = communicator.allGather(onRank0.map(checkpoint -> checkpoint.state().toBytes()).orElse(new byte[0]))
                .get(0);
        return state.length == 0 ? Optional.empty() : Optional.of(CheckpointState.parse(state));
    }

    /**
     * Reads rank 0's, if there is one, into its trainer. Collective.
     *
     * @return false, on every rank, if it is damaged; the trainer is of no use then
     * @throws dev.lockstep.InvalidInputException on every rank, if it is of another model or optimizer
     */
    static boolean isRead(Communicator communicator, Optional<Checkpoint> onRank0, Trainer trainer) {
        boolean damaged = Agreement.onAllRanks(communicator,
                () -> onRank0.isPresent() && !onRank0.get().read(trainer.replica()));
        return communicator.allGather(new byte[] {(byte) (damaged ? 1 : 0)}).get(0)[0] == 0;
    }

    /** How the training data was encoded, if that was of CSV files; on every rank. Collective. */
    static Optional<CsvEncoding> encoding(Communicator communicator, Optional<Checkpoint> onRank0) {
        Optional<CsvEncoding> own = Agreement.onAllRanks(communicator, () -> onRank0.flatMap(Preprocessing::of));
        byte[] encoding = communicator.allGather(own.map(Preprocessing::toBytes).orElse(new byte[0])).get(0);
        return encoding.length == 0 ? Optional.empty() : Optional.of(Preprocessing.parse(encoding));
    }
}
