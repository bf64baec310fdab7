package dev.lockstep.job;

import dev.lockstep.InvalidInputException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.events.AliasEvent;
import org.yaml.snakeyaml.events.CollectionStartEvent;
import org.yaml.snakeyaml.events.Event;
import org.yaml.snakeyaml.events.NodeEvent;
import org.yaml.snakeyaml.events.ScalarEvent;
import org.yaml.snakeyaml.parser.ParserImpl;
import org.yaml.snakeyaml.reader.ReaderException;
import org.yaml.snakeyaml.reader.StreamReader;

/**
 * Builds {@link YamlNode}s from the parser's events. Working on events, not on objects, keeps every line number and
 * constructs nothing that the input names: tags are refused, and an alias shares a finished node, so that neither a
 * cycle nor a copy can arise.
 */
final class YamlReader {
    private static final int MAX_DEPTH = 32;
    private static final int MAX_NODES = 100_000;

    private final String source;
    private final boolean numbered;
    private final ParserImpl parser;
    private final Map<String, YamlNode> anchors = new HashMap<>();
    private final Deque<String> path = new ArrayDeque<>();
    private int nodes;

    private YamlReader(String yaml, String source, boolean numbered) {
        this.source = source;
        this.numbered = numbered;
        this.parser = new ParserImpl(new StreamReader(yaml), new LoaderOptions());
    }

    /**
     * Reads one document.
     *
     * @param numbered whether places in {@code source} have line numbers
     * @return empty if the input holds no document
     * @throws InvalidInputException if the input is not YAML, or more than a file of settings has use for
     */
    static Optional<YamlNode> read(String yaml, String source, boolean numbered) {
        try {
            return new YamlReader(yaml, source, numbered).document();
        } catch (MarkedYAMLException e) {
            int line = numbered && e.getProblemMark() != null ? e.getProblemMark().getLine() + 1 : 0;
            throw new Location(source, line).error("does not parse as YAML: " + e.getProblem());
        } catch (ReaderException e) {
            String character = Character.toString(e.getCodePoint());
            int line = 1 + (int) yaml.substring(0, Math.max(0, yaml.indexOf(character))).chars()
                    .filter(c -> c == '\n').count();
            throw new Location(source, numbered ? line : 0).error(
                    String.format("does not parse as YAML: it may not hold the character U+%04X", e.getCodePoint()));
        } catch (YAMLException e) {
            throw new Location(source, 0).error("does not parse as YAML: " + e.getMessage());
        } catch (NumberFormatException e) {
            // The scanner lets it out for an escape such as \UFFFFFFFF.
            throw new Location(source, 0).error("does not parse as YAML: an escape in it stands for no character");
        }
    }

    private Optional<YamlNode> document() {
        parser.getEvent(); // the start of the stream
        if (parser.checkEvent(Event.ID.StreamEnd)) {
            return Optional.empty();
        }
        parser.getEvent(); // the start of the document
        YamlNode root = node(0);
        parser.getEvent(); // its end
        if (!parser.checkEvent(Event.ID.StreamEnd)) {
            throw at(parser.peekEvent()).error("a second YAML document begins here; keep only one");
        }
        return Optional.of(root);
    }

    private YamlNode node(int depth) {
        Event event = parser.getEvent();
        Location at = at(event);
        if (depth > MAX_DEPTH) {
            throw at.error("nested too deeply");
        }
        if (++nodes > MAX_NODES) {
            throw at.error("too many values");
        }
        if (event instanceof AliasEvent alias) {
            YamlNode node = anchors.get(alias.getAnchor());
            if (node == null) {
                throw at.error("alias " + Text.quoted("*" + alias.getAnchor()) + " stands for no finished value above");
            }
            return node;
        }
        String tag = event instanceof ScalarEvent scalar ? scalar.getTag() : ((CollectionStartEvent) event).getTag();
        if (tag != null) {
            throw at.error("tag " + Text.quoted(tag) + " has no place here; leave it out");
        }
        YamlNode node = switch (event.getEventId()) {
            case Scalar -> scalar((ScalarEvent) event, at);
            case SequenceStart -> sequence(at, depth);
            default -> mapping(at, depth);
        };
        String anchor = ((NodeEvent) event).getAnchor();
        if (anchor != null) {
            anchors.put(anchor, node);
        }
        return node;
    }

    private static YamlNode scalar(ScalarEvent event, Location at) {
        return new YamlNode.Scalar(at, event.getValue(), event.isPlain());
    }

    private YamlNode sequence(Location at, int depth) {
        List<YamlNode> items = new ArrayList<>();
        while (!parser.checkEvent(Event.ID.SequenceEnd)) {
            path.addLast(Integer.toString(items.size()));
            items.add(node(depth + 1));
            path.removeLast();
        }
        parser.getEvent();
        return new YamlNode.Sequence(at, items);
    }

    private YamlNode mapping(Location at, int depth) {
        Map<String, YamlNode.Entry> entries = new LinkedHashMap<>();
        while (!parser.checkEvent(Event.ID.MappingEnd)) {
            Location keyAt = at(parser.peekEvent());
            if (!(node(depth + 1) instanceof YamlNode.Scalar key)) {
                throw keyAt.error("a key must be plain text, not a list or a map");
            }
            YamlNode.Entry earlier = entries.get(key.text());
            if (earlier != null) {
                String where = numbered ? "; it stands already in line " + earlier.at().line() : "";
                throw keyAt.error("key " + Text.quoted(pathOf(key.text())) + " is given twice" + where);
            }
            path.addLast(key.text());
            entries.put(key.text(), new YamlNode.Entry(keyAt, node(depth + 1)));
            path.removeLast();
        }
        parser.getEvent();
        return new YamlNode.Mapping(at, entries);
    }

    private String pathOf(String key) {
        return path.isEmpty() ? key : String.join(".", path) + "." + key;
    }

    private Location at(Event event) {
        return new Location(source, numbered ? event.getStartMark().getLine() + 1 : 0);
    }
}
