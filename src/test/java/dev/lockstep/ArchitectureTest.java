package dev.lockstep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Holds the program's packages to the table of what each may use. */
class ArchitectureTest {
    private static final String ROOT = "dev.lockstep";

    /** Package to what it may use: packages, or single classes; every package may use itself and the root package. */
    private static final Map<String, Set<String>> MAY_USE = Map.ofEntries(
            Map.entry("", Set.of()),
            Map.entry("device", Set.of()),
            Map.entry("device.reference", Set.of("device")),
            Map.entry("device.cpu", Set.of("device")),
            Map.entry("device.cuda", Set.of("device")),
            Map.entry("tensor", Set.of("device")),
            Map.entry("random", Set.of()),
            Map.entry("nn", Set.of("tensor", "device", "random")),
            Map.entry("optim", Set.of("tensor", "device")),
            Map.entry("data", Set.of("tensor", "device", "random")),
            Map.entry("comm", Set.of("device.DeviceBuffer", "device.DataType")),
            Map.entry("comm.mpi", Set.of("comm", "comm.shared", "device.DeviceBuffer", "device.DataType", "device.Event")),
            Map.entry("comm.shared", Set.of("comm")),
            Map.entry("comm.local", Set.of("comm")),
            Map.entry("comm.channel", Set.of("comm")),
            Map.entry("ddp", Set.of("nn", "tensor", "comm", "device")),
            Map.entry("job", Set.of()),
            Map.entry("train",
                    Set.of("device", "tensor", "random", "nn", "optim", "data", "comm", "ddp", "job")),
            Map.entry("cli", Set.of("device", "device.reference", "device.cpu", "device.cuda", "tensor", "random", "nn",
                    "optim", "data", "comm", "comm.mpi", "comm.local", "comm.channel", "ddp", "job", "train", "bench",
                    "report")),
            Map.entry("chart", Set.of()),
            Map.entry("report", Set.of("chart", "job", "train")),
            Map.entry("bench", Set.of("device", "device.reference", "device.cpu", "device.cuda", "tensor", "random",
                    "nn", "optim", "data", "comm", "comm.mpi", "comm.local", "ddp", "job", "train", "chart", "report")));

    /** Libraries, by the start of their packages' names, to the packages that may use them. */
    private static final Map<String, Set<String>> LIBRARIES = Map.of(
            "mpi", Set.of("comm.mpi"),
            "org.bytedeco.dnnl", Set.of("device.cpu"),
            "org.bytedeco.javacpp", Set.of("device.cpu", "device.cuda"),
            "org.bytedeco.cuda", Set.of("device.cuda"),
            "picocli", Set.of("cli"),
            "org.yaml.snakeyaml", Set.of("job"),
            "com.fasterxml.jackson", Set.of("job", "train", "cli", "bench", "report"));

    private static final JavaClasses PROGRAM = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS).importPackages(ROOT);

    @Test
    void shouldUseOnlyWhatTheTableAllows() {
        assertFalse(PROGRAM.isEmpty());
        assertEquals(Set.of(), violations(MAY_USE, LIBRARIES));
    }

    @Test
    void shouldReportAPackageThatIsNotInTheTable() {
        Map<String, Set<String>> table = new HashMap<>(MAY_USE);
        table.remove("comm.local");
        assertTrue(violations(table, LIBRARIES).contains("package comm.local is not in the table"));
    }

    @Test
    void shouldReportAPackageThatUsesMoreThanItMay() {
        Map<String, Set<String>> table = new HashMap<>(MAY_USE);
        table.put("comm.local", Set.of());
        assertTrue(violations(table, LIBRARIES).contains("comm.local.SingleRank uses comm.Communicator"));
    }

    @Test
    void shouldReportALibraryInAPackageThatMayNotUseIt() {
        Map<String, Set<String>> libraries = new HashMap<>(LIBRARIES);
        libraries.put("mpi", Set.of());
        assertTrue(violations(MAY_USE, libraries).contains("comm.mpi.MpiCommunicator uses mpi.Intracomm"));
    }

    private static Set<String> violations(Map<String, Set<String>> mayUse, Map<String, Set<String>> libraries) {
        Set<String> violations = new TreeSet<>();
        for (JavaClass javaClass : PROGRAM) {
            String user = inProgram(javaClass.getPackageName());
            if (!mayUse.containsKey(user)) {
                violations.add("package " + user + " is not in the table");
                continue;
            }
            for (Dependency dependency : javaClass.getDirectDependenciesFromSelf()) {
                JavaClass used = dependency.getTargetClass().getBaseComponentType();
                if (!used.isPrimitive() && !isAllowed(user, used, mayUse, libraries)) {
                    violations.add(inProgram(javaClass.getName()) + " uses " + inProgram(used.getName()));
                }
            }
        }
        return violations;
    }

    private static boolean isAllowed(String user, JavaClass used, Map<String, Set<String>> mayUse,
            Map<String, Set<String>> libraries) {
        String packageName = used.getPackageName();
        if (packageName.equals(ROOT) || packageName.startsWith(ROOT + ".")) {
            String usedPackage = inProgram(packageName);
            String topLevelClass = inProgram(used.getName()).split("\\$", 2)[0];
            return usedPackage.isEmpty() || usedPackage.equals(user) || mayUse.get(user).contains(usedPackage)
                    || mayUse.get(user).contains(topLevelClass);
        }
        if (List.of("java", "javax", "jdk").contains(packageName.split("\\.", 2)[0])) {
            return true;
        }
        return libraries.entrySet().stream().anyMatch(library -> library.getValue().contains(user)
                && (packageName.equals(library.getKey()) || packageName.startsWith(library.getKey() + ".")));
    }

    /** Without {@code dev.lockstep}; names of other programs as they are. */
    private static String inProgram(String name) {
        return name.equals(ROOT) ? "" : name.startsWith(ROOT + ".") ? name.substring(ROOT.length() + 1) : name;
    }
}
