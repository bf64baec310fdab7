package dev.lockstep.testing;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectPackage;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.discovery.ClassNameFilter;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/**
 * Runs the tests of packages or classes where there is no Maven: {@code TestRun NAME...}. Failures go to standard error, and as
 * the last line of standard output {@code {"passed":5,"failed":1,"skipped":0,"failures":["DeviceTest: shouldCopy()"]}}. Exit
 * status 0 if at least one test passed and none failed.
 */
public final class TestRun {
    private TestRun() {}

    public static void main(String[] names) throws Exception {
        SummaryGeneratingListener listener = new SummaryGeneratingListener();
        LauncherFactory.create().execute(LauncherDiscoveryRequestBuilder.request()
                .selectors(Stream.of(names).map(TestRun::selector).toList())
                .filters(ClassNameFilter.includeClassNamePatterns(".*Test"))
                .build(), listener);
        TestExecutionSummary summary = listener.getSummary();
        summary.printFailuresTo(new PrintWriter(System.err, true), Integer.MAX_VALUE);

        Map<String, Object> counts = new LinkedHashMap<>();
        counts.put("passed", summary.getTestsSucceededCount());
        // Also those that failed as a whole, as a class in @BeforeAll, though none of their tests ran.
        counts.put("failed", summary.getFailures().size());
        counts.put("skipped", summary.getTestsSkippedCount() + summary.getTestsAbortedCount());
        counts.put("failures", summary.getFailures().stream().map(failure -> name(failure.getTestIdentifier())).toList());
        System.out.println(new JsonMapper().writeValueAsString(counts));
        System.exit(summary.getTestsSucceededCount() > 0 && summary.getFailures().isEmpty() ? 0 : 1);
    }

    private static DiscoverySelector selector(String name) {
        boolean isClass = Character.isUpperCase(name.charAt(name.lastIndexOf('.') + 1));
        return isClass ? selectClass(name) : selectPackage(name);
    }

    private static String name(TestIdentifier test) {
        String[] className = test.getUniqueIdObject().getSegments().stream()
                .filter(segment -> segment.getType().equals("class")).map(segment -> segment.getValue())
                .findFirst().orElse("").split("\\.");
        return className[className.length - 1] + ": " + test.getDisplayName();
    }
}
