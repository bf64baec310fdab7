package dev.lockstep.gpucheck;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * What the check has found so far: the JSON object that it ends with. Any thread may use it: the one that prints it does not wait
 * for the one that measures.
 */
final class Findings {
    private final ObjectNode json = JsonMapper.builder().build().createObjectNode(); // guarded by this

    synchronized void put(String key, Object value) {
        json.putPOJO(key, value);
    }

    /** A measured figure, or null with the reason. */
    synchronized void figure(String name, double value) {
        json.withObject("/figures").put(name, value);
        json.withObject("/reasons").remove(name);
    }

    /** Keeps what is known already. */
    synchronized void noFigure(String name, String reason) {
        if (json.withObject("/figures").path(name).isNumber()) {
            return;
        }
        json.withObject("/figures").putNull(name);
        json.withObject("/reasons").put(name, reason);
    }

    /** @param reason why it failed; null if it did not */
    synchronized void part(String name, double seconds, String reason) {
        ObjectNode part = json.withObject("/parts").putObject(name);
        part.put("ok", reason == null).put("seconds", Math.round(seconds * 10) / 10.0);
        if (reason != null) {
            part.put("reason", reason);
        }
    }

    /** As it is now: figures that are null stand with their reasons. */
    synchronized JsonNode toJson() {
        return JsonMapper.builder().build().valueToTree(json);
    }
}
