package dev.lockstep.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Why a command failed, from what it has written. */
final class FailureReason {
    private static final String OWN_ERROR = "lockstep: error: ";
    /** How a line begins that a benchmark prints with {@code --json}. */
    private static final String RESULT = "{\"kind\":";
    private static final Pattern ERROR = Pattern.compile("\\berror\\b", Pattern.CASE_INSENSITIVE);
    /** mpirun frames its notices with lines of these. */
    private static final String FRAME = "-----";
    private static final int MOST_CHARACTERS = 400;

    private FailureReason() {
    }

    /**
     * One line: this program's own last error, else the first paragraph of mpirun's last notice, else the first line that
     * speaks of an error, which advice may follow, else the last. Lines of results are passed over.
     *
     * @param stdout its lines, as those of {@code stderr}; mpirun may bring a rank's errors by either
     * @return empty if nothing was written
     */
    static String of(List<String> stdout, List<String> stderr) {
        List<String> out = withoutResults(stdout);
        List<String> err = withoutResults(stderr);
        String own = Stream.concat(out.stream(), err.stream()).filter(line -> line.contains(OWN_ERROR))
                .reduce("", (earlier, later) -> later);
        if (!own.isEmpty()) {
            return cut(own.substring(own.indexOf(OWN_ERROR) + OWN_ERROR.length()));
        }
        List<String> lines = err.stream().anyMatch(line -> !line.isBlank()) ? err : out;
        String notice = lastNotice(lines);
        return cut(!notice.isEmpty() ? notice : lines.stream().filter(ERROR.asPredicate()).findFirst()
                .orElseGet(() -> lines.stream().filter(line -> !line.isBlank()).reduce("", (earlier, later) -> later)));
    }

    private static List<String> withoutResults(List<String> lines) {
        return lines.stream().filter(line -> !line.startsWith(RESULT)).toList();
    }

    private static String lastNotice(List<String> lines) {
        List<List<String>> paragraphs = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).startsWith(FRAME)) {
                paragraphs.add(lines.stream().skip(i + 1L).takeWhile(line -> !line.isBlank() && !line.startsWith(FRAME))
                        .toList());
            }
        }
        // The frame's end opens what is no notice, and often empty.
        return paragraphs.stream().filter(paragraph -> !paragraph.isEmpty()).reduce((earlier, later) -> later)
                .orElse(List.of()).stream().map(String::strip).collect(Collectors.joining(" "));
    }

    private static String cut(String text) {
        String line = text.strip().replaceFirst(":$", "");
        return line.length() <= MOST_CHARACTERS ? line : line.substring(0, MOST_CHARACTERS) + "…";
    }
}
