package dev.lockstep.ddp;

import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import dev.lockstep.device.Timeline;
import dev.lockstep.device.Timeline.Phase;
import java.util.Arrays;
import java.util.List;

/**
 * The updates of a plan's chunks. Each is made as soon as its chunk is summed, while later ones are on their way; where they
 * hang on all gradients, what has to be known of a chunk is found out then, and the updates follow the last sum.
 */
final class ChunkUpdates {
    private final Operation[] updates;
    /** None, and null, where each update hangs on its own chunk alone. */
    private final Operation[] measures;
    private final Operation allMeasured;

    ChunkUpdates(RangeUpdate update, List<BucketPlan.Chunk> chunks) {
        updates = new Operation[chunks.size()];
        Arrays.setAll(updates, i -> update.bind(chunks.get(i).firstElement(), chunks.get(i).elementCount()));
        RangeUpdate.Overall overall = update.overall().orElse(null);
        measures = new Operation[overall == null ? 0 : updates.length];
        Arrays.setAll(measures,
                i -> overall.bindRange(i, chunks.get(i).firstElement(), chunks.get(i).elementCount()));
        allMeasured = overall == null ? null : overall.bindAll();
    }

    private ChunkUpdates(ChunkUpdates untimed, Timeline timeline) {
        measures = timed(untimed.measures, timeline, "norm");
        allMeasured = untimed.allMeasured == null ? null
                : timeline.timed(Phase.OPTIMIZER, "norm", 0, untimed.allMeasured);
        updates = timed(untimed.updates, timeline, "update");
    }

    private static Operation[] timed(Operation[] operations, Timeline timeline, String name) {
        Operation[] timed = new Operation[operations.length];
        Arrays.setAll(timed, i -> timeline.timed(Phase.OPTIMIZER, name + " chunk " + i, 0, operations[i]));
        return timed;
    }

    /** The same, timed. */
    ChunkUpdates on(Timeline timeline) {
        return new ChunkUpdates(this, timeline);
    }

    /** Enqueues what can be done now that the chunk is summed, and all before it are. */
    void chunkSummed(int chunk, Stream stream) {
        if (allMeasured == null) {
            updates[chunk].enqueue(stream);
            return;
        }
        measures[chunk].enqueue(stream);
        if (chunk == updates.length - 1) {
            allMeasured.enqueue(stream);
            for (Operation update : updates) {
                update.enqueue(stream);
            }
        }
    }
}
