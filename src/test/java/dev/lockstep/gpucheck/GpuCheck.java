package dev.lockstep.gpucheck;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * {@code GpuCheck [--device cpu] [--output FOLDER]}: tests and measures the bundle on this machine's GPU; {@code bench/gpu/check.sh}
 * says what a user needs to know. Each part has a time limit, and all of them together: what was found until then is printed
 * by a thread that waits for nothing else.
 */
public final class GpuCheck {
    static final double LOSS_TOLERANCE = 1e-4;
    private static final long LIMIT_SECONDS = 520;
    /** For ending what a part has started, once its time is over. */
    private static final long KILL_SECONDS = 12;

    private GpuCheck() {}

    public static void main(String[] arguments) throws Exception {
        String device = "cuda";
        Path output = Path.of("gpu-check-" + DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").format(LocalDateTime.now()));
        for (int i = 0; i < arguments.length; i += 2) {
            String value = i + 1 < arguments.length ? arguments[i + 1] : "";
            if (arguments[i].equals("--device") && (value.equals("cpu") || value.equals("cuda"))) {
                device = value;
            } else if (arguments[i].equals("--output") && !value.isEmpty()) {
                output = Path.of(value);
            } else {
                fail("'" + arguments[i] + " " + value + "' is no option; use --device cpu, --device cuda, --output FOLDER");
            }
        }
        if (device.equals("cuda") && !hasGpu()) {
            fail("no GPU on this machine (no /dev/nvidia0, /dev/nvidia1, …); run this where there is one, or with --device cpu"
                    + " for a rehearsal on the CPU");
        }
        System.exit(check(device, Files.createDirectories(output).toAbsolutePath()) ? 0 : 1);
    }

    private static void fail(String message) {
        System.err.println("lockstep: error: " + message);
        System.exit(2);
    }

    private static boolean hasGpu() throws IOException {
        try (Stream<Path> nodes = Files.list(Path.of("/dev"))) {
            return nodes.anyMatch(node -> node.getFileName().toString().matches("nvidia\\d+|dxg"));
        }
    }

    /** Whether every part did what it should. */
    private static boolean check(String device, Path output) throws Exception {
        Path home = Path.of(System.getProperty("lockstep.home"));
        Findings findings = new Findings();
        findings.put("kind", device.equals("cuda") ? "gpu-check" : "gpu-check-rehearsal");
        findings.put("date", OffsetDateTime.now().truncatedTo(ChronoUnit.SECONDS).toString());
        findings.put("commit", Files.readString(home.resolve("target/commit")).strip());
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);

        Parts parts = new Parts(findings, new Commands(home, output), home, output, device,
                !device.equals("cuda"));
        Thread worker = new Thread(() -> parts.run(end - TimeUnit.SECONDS.toNanos(KILL_SECONDS)), "gpu-check");
        worker.setDaemon(true);
        worker.start();
        worker.join(TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime()));
        if (worker.isAlive()) {
            findings.part("check", LIMIT_SECONDS, "the time was over while a part was still under way");
        }

        JsonNode json = findings.toJson();
        Report.print(json, System.out);
        String line = new JsonMapper().writeValueAsString(json);
        Files.writeString(output.resolve("gpu-check.json"), line + "\n");
        System.out.println("logs: " + output);
        System.out.println(line);
        return json.path("parts").findValues("ok").stream().allMatch(JsonNode::asBoolean);
    }
}
