package dev.lockstep.train;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import dev.lockstep.comm.Communicator;
import dev.lockstep.ddp.ChunkTimes;
import dev.lockstep.device.Timeline;
import dev.lockstep.device.Timeline.Span;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The last steps of all ranks on one clock, rank 0's, in Chrome's trace format, which Perfetto opens: a process for each
 * rank, in it a track of what its training thread or its device does and one of what its communication thread does; a chunk's
 * wait for those before it is a track of its own. Adding a step allocates nothing.
 */
public final class Trace {
    /** A line of a kilobyte each would make some hundred megabytes. */
    private static final int EVENTS_OF_ALL_RANKS = 1 << 20;
    private static final int MOST_EVENTS = 1 << 16;
    private static final int FEWEST_EVENTS = 1 << 10;

    /** What an event is about. */
    private enum Kind {
        STEP("step", "compute"),
        OPERATION("", "compute"),
        QUEUED("queued", ""),
        WAIT(": wait for the device", "communication"),
        FETCH(": copy to the host", "communication"),
        ALLREDUCE(": allreduce", "communication"),
        STORE(": copy to the device", "communication");

        private final String suffix;
        private final String track;

        Kind(String suffix, String track) {
            this.suffix = suffix;
            this.track = track;
        }
    }

    private final Communicator communicator;
    private final String host;
    private final ClockOffset clock;
    // A ring.
    private final Kind[] kinds;
    private final String[] names;
    private final Timeline.Phase[] phases;
    private final long[] steps;
    private final long[] begins;
    private final long[] ends;
    private long count;

    /**
     * Collective.
     *
     * @param host this rank's, named beside it
     */
    public Trace(Communicator communicator, String host) {
        this.communicator = communicator;
        this.host = host;
        int capacity = Math.max(FEWEST_EVENTS, Math.min(MOST_EVENTS, EVENTS_OF_ALL_RANKS / communicator.size()));
        kinds = new Kind[capacity];
        names = new String[capacity];
        phases = new Timeline.Phase[capacity];
        steps = new long[capacity];
        begins = new long[capacity];
        ends = new long[capacity];
        clock = new ClockOffset(communicator, System::nanoTime);
    }

    /** Takes up a step that was timed and is done. */
    void addStep(long step, long beginNanos, long endNanos, List<ChunkTimes> chunks) {
        add(Kind.STEP, "", null, step, beginNanos, endNanos);
        for (int i = 0; i < chunks.size(); i++) {
            ChunkTimes chunk = chunks.get(i);
            add(Kind.QUEUED, chunk.name(), null, step, chunk.readyNanos(), chunk.takenNanos());
            add(Kind.WAIT, chunk.name(), null, step, chunk.takenNanos(), chunk.writtenNanos());
            add(Kind.FETCH, chunk.name(), null, step, chunk.writtenNanos(), chunk.fetchedNanos());
            add(Kind.ALLREDUCE, chunk.name(), null, step, chunk.fetchedNanos(), chunk.reducedNanos());
            add(Kind.STORE, chunk.name(), null, step, chunk.reducedNanos(), chunk.storedNanos());
        }
    }

    /** Takes up the operations of a micro-batch of that step, before it is repeated. */
    void addOperations(long step, Timeline timeline) {
        List<Span> spans = timeline.spans();
        for (int i = 0; i < spans.size(); i++) {
            Span span = spans.get(i);
            add(Kind.OPERATION, span.name(), span.phase(), step, span.beginNanos(), span.endNanos());
        }
    }

    private void add(Kind kind, String name, Timeline.Phase phase, long step, long begin, long end) {
        if (begin == end && kind != Kind.OPERATION) {
            return;
        }
        int i = (int) (count++ % kinds.length);
        kinds[i] = kind;
        names[i] = name;
        phases[i] = phase;
        steps[i] = step;
        begins[i] = begin;
        ends[i] = end;
    }

    /**
     * Collective.
     *
     * @param file on rank 0, which writes it; empty on the others
     * @throws TrainingException if it cannot be written
     */
    public void write(Optional<Path> file) {
        ClockOffset.ToRank0 toRank0 = clock.toRank0();
        double[] origin = {earliest(toRank0)};
        communicator.allReduceMin(origin);
        byte[] own = json(toRank0, (long) origin[0]).getBytes(StandardCharsets.UTF_8);
        try (OutputStream out = file.isPresent() ? new BufferedOutputStream(Files.newOutputStream(file.get()))
                : OutputStream.nullOutputStream()) {
            out.write("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n".getBytes(StandardCharsets.UTF_8));
            for (int rank = 0; rank < communicator.size(); rank++) {
                out.write(fromRank(rank, own));
            }
            out.write("\n]}\n".getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new TrainingException("the trace " + file.map(Path::toString).orElse("") + " could not be written ("
                    + IoMessages.of(e) + ")", e);
        }
    }

    private byte[] fromRank(int rank, byte[] own) {
        boolean sends = rank == communicator.rank();
        ByteBuffer length = ByteBuffer.allocateDirect(Integer.BYTES).order(ByteOrder.nativeOrder());
        communicator.broadcast(sends ? length.putInt(0, own.length) : length, rank);
        ByteBuffer bytes = ByteBuffer.allocateDirect(length.getInt(0));
        communicator.broadcast(sends ? bytes.put(own) : bytes, rank);
        byte[] events = new byte[bytes.capacity()];
        bytes.clear().get(events);
        return events;
    }

    /** A double holds nanoseconds of some hundred days. */
    private double earliest(ClockOffset.ToRank0 toRank0) {
        long earliest = Long.MAX_VALUE;
        for (long i = first(); i < count; i++) {
            earliest = Math.min(earliest, toRank0.nanos(begins[(int) (i % kinds.length)]));
        }
        return earliest;
    }

    private long first() {
        return Math.max(0, count - kinds.length);
    }

    /** This rank's events, one a line, each line but rank 0's first begun by a comma. */
    private String json(ClockOffset.ToRank0 toRank0, long originNanos) {
        int rank = communicator.rank();
        StringBuilder json = new StringBuilder();
        json.append(rank == 0 ? "" : ",\n");
        metadata(json, "process_name", 0, "rank " + rank + " on " + host);
        json.append(",\n");
        metadata(json, "thread_name", 1, "compute");
        json.append(",\n");
        metadata(json, "thread_name", 2, "communication");
        for (long event = first(); event < count; event++) {
            int i = (int) (event % kinds.length);
            double micros = (toRank0.nanos(begins[i]) - originNanos) * 1e-3;
            double duration = (ends[i] - begins[i]) * 1e-3;
            if (kinds[i] == Kind.QUEUED) {
                // Several chunks wait at a time, which a track cannot show; such a pair of events has one of its own.
                String pair = String.format(Locale.ROOT, "\"cat\":\"queued\",\"name\":\"%s: queued\",\"id\":\"%d.%d\",\"pid\":%d,"
                        + "\"tid\":2", escaped(names[i]), rank, event, rank);
                json.append(String.format(Locale.ROOT, ",\n{\"ph\":\"b\",%s,\"ts\":%.3f,\"args\":{\"step\":%d}}"
                        + ",\n{\"ph\":\"e\",%s,\"ts\":%.3f}", pair, micros, steps[i], pair, micros + duration));
            } else {
                json.append(String.format(Locale.ROOT, ",\n{\"ph\":\"X\",\"cat\":\"%s\",\"name\":\"%s%s\",\"pid\":%d,"
                        + "\"tid\":%d,\"ts\":%.3f,\"dur\":%.3f,\"args\":{\"step\":%d}}", category(i),
                        escaped(names[i]), kinds[i].suffix, rank, kinds[i].track.equals("compute") ? 1 : 2, micros, duration,
                        steps[i]));
            }
        }
        return json.toString();
    }

    private String category(int i) {
        return phases[i] == null ? kinds[i].name().toLowerCase(Locale.ROOT) : phases[i].name().toLowerCase(Locale.ROOT);
    }

    private void metadata(StringBuilder json, String what, int thread, String name) {
        json.append(String.format(Locale.ROOT, "{\"ph\":\"M\",\"name\":\"%s\",\"pid\":%d,\"tid\":%d,\"args\":{\"name\":\"%s\"}}",
                what, communicator.rank(), thread, escaped(name)));
    }

    /** A module names its operations as it likes. */
    private static String escaped(String name) {
        return new String(JsonStringEncoder.getInstance().quoteAsString(name));
    }
}
