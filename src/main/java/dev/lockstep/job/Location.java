package dev.lockstep.job;

import dev.lockstep.InvalidInputException;

/**
 * Where a piece of YAML stands.
 *
 * @param source the file's name, or the {@code --set} option that gave the value
 * @param line counted from 1; 0 where a line says nothing
 */
record Location(String source, int line) {

    /** An error at this place; its message stays one line whatever the input holds. */
    InvalidInputException error(String problem) {
        String place = line > 0 ? source + ":" + line : source;
        return new InvalidInputException(Text.oneLine(place + ": " + problem));
    }
}
