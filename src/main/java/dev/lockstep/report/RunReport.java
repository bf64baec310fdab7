package dev.lockstep.report;

import dev.lockstep.InvalidInputException;
import dev.lockstep.chart.Markup;
import dev.lockstep.chart.Page;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Runs of training side by side: one HTML file, with nothing outside it. */
public final class RunReport {
    private RunReport() {
    }

    /**
     * The whole file.
     *
     * @param folders of the runs, which may still be running
     * @param made    when, as ISO 8601 has it
     * @throws InvalidInputException if one of them is no folder of a run
     */
    public static String html(List<Path> folders, String made) {
        List<String> names = names(folders);
        List<Run> runs = new ArrayList<>();
        for (int i = 0; i < folders.size(); i++) {
            runs.add(RunReader.read(folders.get(i), names.get(i)));
        }
        Markup html = Page.open("Training: " + String.join(", ", names));
        html.element("p", "Made " + made + ".", "class", "small");
        Page.warnings(html, runs.stream()
                .flatMap(run -> run.notes().stream().map(note -> run.name() + ": " + note)).toList());
        new RunCharts(runs).write(html);
        new RunTables(runs, html).write();
        return Page.close(html);
    }

    /** The folders' own names, or where two have the same the whole paths. */
    private static List<String> names(List<Path> folders) {
        List<String> names = folders.stream().map(folder -> folder.toAbsolutePath().normalize().getFileName())
                .map(name -> name == null ? "/" : name.toString()).collect(Collectors.toList());
        boolean unique = names.stream().distinct().count() == names.size();
        return unique ? names : folders.stream().map(Path::toString).toList();
    }
}
