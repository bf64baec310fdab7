package dev.lockstep.optim;

import dev.lockstep.device.Operation;
import dev.lockstep.device.Stream;
import dev.lockstep.tensor.Parameter;
import dev.lockstep.tensor.ParameterArena;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** The groups of an arena's parameters, and where in the arena they lie. The first one holds what the others leave. */
final class ParameterGroups {
    /** Makes the update of a range whose parameters are all of one group. */
    @FunctionalInterface
    interface Update {
        Operation of(int group, long firstElement, long elementCount);
    }

    /** A part of the arena; it ends where the next one begins, or with the arena. */
    private record Run(int group, long firstElement) {
    }

    private final List<ParameterGroup> groups;
    private final List<Run> runs = new ArrayList<>();
    private final long arenaElements;

    /** @param special before all others, in this order */
    ParameterGroups(ParameterArena arena, double learningRate, double weightDecay, List<ParameterGroup> special) {
        groups = new ArrayList<>(special);
        groups.add(0, new ParameterGroup(shape -> true, learningRate, weightDecay));
        arenaElements = arena.elementCount();
        for (Parameter parameter : arena.backwardOrder()) {
            int group = IntStream.range(1, groups.size())
                    .filter(i -> groups.get(i).members().test(parameter.shape())).findFirst().orElse(0);
            // Neighbours of one group are updated in one go, with the gap between them, which stays 0.
            if (runs.isEmpty() || runs.get(runs.size() - 1).group != group) {
                runs.add(new Run(group, parameter.firstElement()));
            }
        }
    }

    int count() {
        return groups.size();
    }

    ParameterGroup get(int group) {
        return groups.get(group);
    }

    /** The update of a range of the arena, in as many parts as its parameters are of different groups. */
    Operation bind(long firstElement, long elementCount, Update update) {
        List<Operation> parts = new ArrayList<>();
        long end = firstElement + elementCount;
        for (int i = 0; i < runs.size(); i++) {
            long first = Math.max(firstElement, runs.get(i).firstElement);
            long last = Math.min(end, i + 1 < runs.size() ? runs.get(i + 1).firstElement : arenaElements);
            if (first < last) {
                parts.add(update.of(runs.get(i).group, first, last - first));
            }
        }
        return parts.size() == 1 ? parts.get(0) : new InTurn(parts.toArray(Operation[]::new));
    }

    private record InTurn(Operation[] parts) implements Operation {
        @Override
        public void enqueue(Stream stream) {
            for (Operation part : parts) {
                part.enqueue(stream);
            }
        }
    }
}
