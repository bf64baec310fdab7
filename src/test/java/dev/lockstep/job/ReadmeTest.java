package dev.lockstep.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class ReadmeTest {
    private static final Pattern ROW = Pattern.compile("^\\| `([a-z.-]+)` \\|.*", Pattern.MULTILINE);
    private static final Pattern MAP_KEY = Pattern.compile("([a-z-]+): ");

    @Test
    void shouldListEveryKeyOfTheJobFileAndNoOther() throws Exception {
        String readme = Files.readString(Path.of("README.md"));
        String table = readme.substring(readme.indexOf("## The job file"), readme.indexOf("## Output"));
        Set<String> documented = new TreeSet<>();
        Matcher row = ROW.matcher(table);
        while (row.find()) {
            String key = row.group(1);
            documented.add(key);
            // What a row holds in braces are keys below its own; the other splits take data.train's formats as well.
            Matcher braces = Pattern.compile("\\{([^}]*)}").matcher(row.group());
            while (!Set.of("model", "metrics", "optimizer.groups").contains(key) && braces.find()) {
                Matcher below = MAP_KEY.matcher(braces.group(1));
                while (below.find()) {
                    documented.add(key + "." + below.group(1));
                }
            }
            for (Matcher other = Pattern.compile("`((?:train|schedule)\\.[a-z.-]+)`").matcher(row.group()); other.find();) {
                documented.add(other.group(1));
            }
        }
        Set<String> known = JobKeys.ALL.stream()
                .filter(key -> !Set.of("data", "optimizer", "schedule", "train", "log").contains(key))
                .collect(Collectors.toCollection(TreeSet::new));
        known.removeIf(key -> key.matches("data\\.(test|validation)\\..*"));
        documented.removeIf(key -> key.matches("data\\.(test|validation)\\..*"));

        assertEquals(String.join("\n", known), String.join("\n", documented));
    }
}
