package dev.lockstep.data;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** CSV files for tests, and what an obvious reader makes of such text. */
final class CsvText {
    private CsvText() {
    }

    static Path write(Path file, String text) {
        return IdxFiles.write(file, text.getBytes(StandardCharsets.UTF_8));
    }

    /** The records of {@code text}, character by character; null if it is malformed. */
    static List<List<String>> records(String text, char delimiter) {
        List<List<String>> records = new ArrayList<>();
        List<String> record = new ArrayList<>();
        int at = 0;
        while (at < text.length()) {
            StringBuilder field = new StringBuilder();
            boolean quoted = text.charAt(at) == '"';
            if (quoted) {
                at++;
                while (true) {
                    if (at == text.length()) {
                        return null;
                    }
                    char c = text.charAt(at++);
                    if (c != '"') {
                        field.append(c);
                    } else if (at < text.length() && text.charAt(at) == '"') {
                        field.append(text.charAt(at++));
                    } else {
                        break;
                    }
                }
                if (at < text.length() && !ends(text.charAt(at), delimiter)) {
                    return null;
                }
            } else {
                while (at < text.length() && !ends(text.charAt(at), delimiter)) {
                    field.append(text.charAt(at++));
                }
            }
            record.add(field.toString());
            if (at < text.length() && text.charAt(at) == delimiter) {
                at++;
                if (at < text.length()) {
                    continue;
                }
                record.add("");
            } else if (at < text.length()) {
                at += text.startsWith("\r\n", at) ? 2 : 1;
            }
            if (record.size() > 1 || !record.get(0).isEmpty() || quoted) {
                records.add(record);
            }
            record = new ArrayList<>();
        }
        return records;
    }

    private static boolean ends(char c, char delimiter) {
        return c == delimiter || c == '\n' || c == '\r';
    }

    /** The table as a program might write it: quotes where they must be and where they may. */
    static String of(List<List<String>> rows, char delimiter, Random random) {
        String lineEnd = random.nextInt(3) == 0 ? "\r\n" : "\n";
        StringBuilder text = new StringBuilder();
        for (List<String> row : rows) {
            List<String> fields = row.stream().map(field -> {
                boolean quote = field.chars().anyMatch(c -> ends((char) c, delimiter) || c == '"') || random.nextInt(6) == 0;
                return quote ? '"' + field.replace("\"", "\"\"") + '"' : field;
            }).toList();
            text.append(String.join("" + delimiter, fields)).append(lineEnd);
        }
        return random.nextInt(3) == 0 ? text.substring(0, text.length() - lineEnd.length()) : text.toString();
    }
}
