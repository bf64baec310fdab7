package dev.lockstep.job;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads the keys that say what the columns of CSV files are. */
final class CsvReader {
    /** As programs write no value. */
    private static final List<String> MISSING_VALUES = List.of("NA", "N/A", "NaN", "nan", "NULL", "null", "None");

    private CsvReader() {}

    /** @param training whether the keys may stand here: they hold for all splits */
    static Optional<CsvColumns> columns(Fields source, boolean training) {
        if (!training) {
            JobKeys.CSV_COLUMNS.stream().filter(source::has).findFirst().ifPresent(key -> {
                throw source.error(key, "key " + Text.quoted(source.require(key).path())
                        + " has its place in data.train: all"
                        + " splits are read alike");
            });
            return Optional.empty();
        }
        Value target = source.require("target");
        Map<String, String> keys = new HashMap<>();
        List<String> targets = columns(target, keys);
        if (targets.isEmpty()) {
            throw target.error(Text.quoted(target.path()) + " is empty; it needs the name of a column");
        }
        return Optional.of(new CsvColumns(targets,
                source.get("header", "true").flag(),
                delimiter(source),
                source.find("categorical").map(value -> columns(value, keys)).orElse(List.of()),
                source.find("drop").map(value -> columns(value, keys)).orElse(List.of()),
                source.get("missing", "error").choice(CsvColumns.MissingPolicy.class),
                source.find("missing-values").map(CsvReader::texts).orElse(MISSING_VALUES),
                source.get("unknown-categories", "error").choice(CsvColumns.UnknownPolicy.class),
                source.get("standardize", "true").flag()));
    }

    /** @param keys of the columns so far; each may be named once */
    private static List<String> columns(Value value, Map<String, String> keys) {
        List<String> names = texts(value);
        for (String name : names) {
            String earlier = keys.put(name, value.path());
            if (earlier != null) {
                throw value.error("column " + Text.quoted(name) + " is named twice, in " + earlier
                        + (earlier.equals(value.path()) ? "" : " and " + value.path()));
            }
        }
        return names;
    }

    /** One text or a list of them. */
    private static List<String> texts(Value value) {
        String expected = "a text or a list of texts";
        return value.node() instanceof YamlNode.Sequence
                ? value.items(expected).stream().map(item -> text(item, expected)).toList() : List.of(text(value, expected));
    }

    /** Even if YAML takes it for null: a column may be called so, or a missing value. */
    private static String text(Value value, String expected) {
        return value.node() instanceof YamlNode.Scalar scalar && scalar.isNull() && !scalar.text().isEmpty()
                ? scalar.text() : value.text(expected);
    }

    private static char delimiter(Fields source) {
        String expected = "one ASCII character that no number holds, such as ',' ';' or \"\\t\"";
        Value value = source.get("delimiter", ",");
        String text = value.text(expected);
        char delimiter = text.charAt(0);
        boolean fits = delimiter == '\t' || delimiter >= ' ' && delimiter <= '~' && !Character.isLetterOrDigit(delimiter)
                && "\"+-.".indexOf(delimiter) < 0;
        if (text.length() != 1 || !fits) {
            throw value.mustBe(expected);
        }
        return delimiter;
    }
}
