import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * Says which tests ran, passed, failed and were skipped, and why: {@code java TestSummary.java SOURCES REPORTS...},
 * where SOURCES holds the tests' source files and each REPORTS is a folder of JUnit XML reports, which may be absent.
 * {@code FOLDER=REGEX} is where the test classes whose names match report to, each folder of its own; all other test
 * classes report to one of the folders without a regex. A test class without a report counts as one failure: its JVM
 * died, or it never started. Exit status 0 if at least one test passed and none failed.
 */
final class TestSummary {
    private int passed;
    private int failed;
    private int skipped;
    private final List<String> failures = new ArrayList<>();
    private final List<String> skips = new ArrayList<>();
    /** What to print for each test class, by its name and, where its folder has a regex, the folder's. */
    private final TreeMap<String, String> lines = new TreeMap<>();

    public static void main(String[] args) throws Exception {
        TestSummary summary = new TestSummary();
        Map<String, Pattern> special = new LinkedHashMap<>();
        for (int i = 1; i < args.length; i++) {
            String[] folderAndRegex = args[i].split("=", 2);
            Path folder = Path.of(folderAndRegex[0]);
            boolean isSpecial = folderAndRegex.length == 2;
            String suffix = isSpecial ? " (" + folder.getFileName() + ")" : "";
            if (isSpecial) {
                special.put(suffix, Pattern.compile(folderAndRegex[1]));
            }
            summary.readReports(folder, suffix);
        }
        summary.findMissing(Path.of(args[0]), special);
        summary.print(System.out);
        System.exit(summary.passed > 0 && summary.failed == 0 ? 0 : 1);
    }

    private void readReports(Path folder, String suffix) throws Exception {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try (DirectoryStream<Path> reports = Files.newDirectoryStream(folder, "TEST-*.xml")) {
            for (Path report : reports) {
                String className = report.getFileName().toString().replaceAll("^TEST-|\\.xml$", "") + suffix;
                try {
                    readReport(className, report);
                } catch (org.xml.sax.SAXException e) {
                    fail(className, "its report cannot be read (" + e.getMessage() + "): " + report);
                    lines.put(className, "no readable report");
                }
            }
        }
    }

    private void readReport(String className, Path report) throws Exception {
        Element suite = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(report.toFile())
                .getDocumentElement();
        int[] before = {passed, failed, skipped};
        Map<String, List<String>> skippedByReason = new LinkedHashMap<>();
        NodeList cases = suite.getElementsByTagName("testcase");
        for (int i = 0; i < cases.getLength(); i++) {
            Element testCase = (Element) cases.item(i);
            String name = className + "." + testCase.getAttribute("name");
            Element problem = firstChild(testCase, "failure", "error");
            Element skip = firstChild(testCase, "skipped");
            if (problem != null) {
                fail(name, reason(problem));
            } else if (skip != null) {
                skipped++;
                skippedByReason.computeIfAbsent(
                        reason(skip).replaceFirst("^[\\w.$]*Exception: (Assumption failed: )?", ""),
                        any -> new ArrayList<>()).add(name);
            } else {
                passed++;
            }
        }
        skippedByReason.forEach((reason, names) -> skips.add(
                (names.size() == 1 ? names.get(0) : names.size() + " of " + className) + ": " + reason));
        lines.put(className, String.format(Locale.ROOT, "%4d passed %3d failed %3d skipped %8s s",
                passed - before[0], failed - before[1], skipped - before[2], suite.getAttribute("time")));
    }

    private void fail(String name, String reason) {
        failed++;
        failures.add(name + ": " + reason);
    }

    private static Element firstChild(Element parent, String... names) {
        for (String name : names) {
            NodeList found = parent.getElementsByTagName(name);
            if (found.getLength() > 0) {
                return (Element) found.item(0);
            }
        }
        return null;
    }

    /** The first line of the message, or else of the stack trace. */
    private static String reason(Element problem) {
        String message = problem.getAttribute("message").isBlank() ? problem.getTextContent()
                : problem.getAttribute("message");
        return message.strip().lines().findFirst().orElse("no reason given");
    }

    private void findMissing(Path sources, Map<String, Pattern> special) throws IOException {
        try (Stream<Path> files = Files.walk(sources)) {
            for (Path file : (Iterable<Path>) files.sorted()::iterator) {
                if (!file.getFileName().toString().matches(".*(Test|IT)\\.java")) {
                    continue;
                }
                String className = sources.relativize(file).toString().replaceAll("\\.java$", "").replace('/', '.');
                List<String> expected = special.entrySet().stream()
                        .filter(reports -> reports.getValue().matcher(className).matches())
                        .map(reports -> className + reports.getKey()).toList();
                for (String name : expected.isEmpty() ? List.of(className) : expected) {
                    if (!lines.containsKey(name)) {
                        lines.put(name, "no report");
                        fail(name, "did not run to its end; Maven's output above says why");
                    }
                }
            }
        }
    }

    private void print(PrintStream out) {
        out.println();
        out.println("Test summary");
        int width = lines.keySet().stream().mapToInt(String::length).max().orElse(0);
        lines.forEach((className, line) -> out.println("  " + className
                + " ".repeat(width - className.length()) + " " + line));
        skips.forEach(skip -> out.println("  skipped: " + skip));
        failures.forEach(failure -> out.println("  FAILED: " + failure));
        out.println(passed + " passed, " + failed + " failed, " + skipped + " skipped");
    }
}
