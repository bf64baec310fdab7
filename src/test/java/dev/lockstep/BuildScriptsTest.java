package dev.lockstep;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.testing.ProcessRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The scripts in src/build, as far as they can be run without changing the machine. */
class BuildScriptsTest {
    private static final Path SCRIPTS = Path.of("src/build").toAbsolutePath();

    @TempDir
    private Path folder;

    @Test
    void shouldSumUpReportsAndSayWhyTestsFailedOrWereSkipped() throws Exception {
        write("reports/TEST-a.GoodTest.xml", """
                <testsuite name="a.GoodTest" time="0.5">
                  <testcase name="shouldPass" classname="a.GoodTest"/>
                  <testcase name="shouldBeSkipped" classname="a.GoodTest"><skipped message="org.x.AbortedException: Assumption failed: no GPU here"/></testcase>
                </testsuite>""");
        write("reports/TEST-a.BadIT.xml", """
                <testsuite name="a.BadIT" time="1.5">
                  <testcase name="shouldFail"><failure message="expected 1&#10;but was 2">trace</failure></testcase>
                  <testcase name="shouldThrow"><error type="X">X: in the trace
                at a.b</error></testcase>
                  <system-out><![CDATA[<testcase name="printed"/>]]></system-out>
                </testsuite>""");
        write("sources/a/GoodTest.java", "");
        write("sources/a/BadIT.java", "");
        write("sources/a/Helper.java", "");

        ProcessRun.Result run = summary();

        assertEquals(1, run.exitStatus(), run::toString);
        List<String> lines = run.stdout().lines().toList();
        assertEquals("1 passed, 2 failed, 1 skipped", lines.get(lines.size() - 1));
        assertTrue(lines.contains("  skipped: a.GoodTest.shouldBeSkipped: no GPU here"), run::toString);
        assertTrue(lines.contains("  FAILED: a.BadIT.shouldFail: expected 1"), run::toString);
        assertTrue(lines.contains("  FAILED: a.BadIT.shouldThrow: X: in the trace"), run::toString);
    }

    @Test
    void shouldCountATestClassWithoutAReportAsFailed() throws Exception {
        write("reports/TEST-a.GoodTest.xml", "<testsuite time=\"0\"><testcase name=\"shouldPass\"/></testsuite>");
        write("sources/a/GoodTest.java", "");
        write("sources/a/KilledTest.java", "");

        ProcessRun.Result run = summary();

        assertEquals(1, run.exitStatus(), run::toString);
        assertTrue(run.stdout().contains("  FAILED: a.KilledTest: did not run to its end"), run::toString);
        assertTrue(run.stdout().endsWith("\n1 passed, 1 failed, 0 skipped\n"), run::toString);
    }

    @Test
    void shouldExpectAClassInEachFolderThatIsForIt() throws Exception {
        write("reports/TEST-a.GoodTest.xml", "<testsuite time=\"0\"><testcase name=\"shouldPass\"/></testsuite>");
        write("one/TEST-a.cuda.BothTest.xml", "<testsuite time=\"0\"><testcase name=\"shouldPass\"/></testsuite>");
        write("one/TEST-a.cuda.KilledTest.xml", "<testsuite time=\"0\"><testcase name=\"shouldPass\"/></testsuite>");
        write("two/TEST-a.cuda.BothTest.xml", "<testsuite time=\"0\"><testcase name=\"shouldPass\"/></testsuite>");
        write("sources/a/GoodTest.java", "");
        write("sources/a/cuda/BothTest.java", "");
        write("sources/a/cuda/KilledTest.java", "");

        ProcessRun.Result run = summary("one=a\\.cuda\\..*", "two=a\\.cuda\\..*");

        assertTrue(run.stdout().contains("  FAILED: a.cuda.KilledTest (two): did not run to its end"), run::toString);
        assertTrue(run.stdout().endsWith("\n4 passed, 1 failed, 0 skipped\n"), run::toString);
    }

    @Test
    void shouldFailWhereNoTestRan() throws Exception {
        Files.createDirectories(folder.resolve("sources"));

        ProcessRun.Result run = summary();

        assertEquals(1, run.exitStatus(), run::toString);
        assertTrue(run.stdout().endsWith("\n0 passed, 0 failed, 0 skipped\n"), run::toString);
    }

    @Test
    void shouldSucceedWhereAllThatRanPassed() throws Exception {
        write("reports/TEST-a.GoodTest.xml", "<testsuite time=\"0\"><testcase name=\"shouldPass\"/></testsuite>");
        write("sources/a/GoodTest.java", "");

        assertEquals(0, summary().exitStatus());
    }

    @Test
    void shouldNameWhatIsMissingWhereThereIsNoApt() throws Exception {
        Path scripts = Files.createDirectories(folder.resolve("src/build"));
        for (String script : List.of("deps.sh", "java-home.sh", "mpi-jar.sh")) {
            Files.copy(SCRIPTS.resolve(script), scripts.resolve(script), StandardCopyOption.COPY_ATTRIBUTES);
        }
        Path bin = Files.createDirectory(folder.resolve("bin"));
        for (String tool : List.of("sh", "dirname", "mkdir", "readlink", "sed", "tr", "id")) {
            Path stub = Files.writeString(bin.resolve(tool), "#!/bin/sh\nexec /usr/bin/" + tool + " \"$@\"\n");
            Files.setPosixFilePermissions(stub, PosixFilePermissions.fromString("rwxr-xr-x"));
        }

        ProcessRun.Result run = ProcessRun.command("/bin/sh", scripts.resolve("deps.sh").toString(), "an-extra-package")
                .environment("PATH", bin.toString()).run();

        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(1, run.errorLines().size(), run::toString);
        for (String name : List.of("maven", "g++", "openmpi-bin", "libopenmpi-dev", "an-extra-package")) {
            assertTrue(run.stderr().contains(" " + name + " ") || run.stderr().contains(" " + name + "("), run::toString);
        }
    }

    @Test
    void shouldRefuseANumberOfRanksThatIsNone() throws Exception {
        ProcessRun.Result run = ProcessRun.command(SCRIPTS.resolve("mpirun.sh").toString(), "two", "true").run();

        assertEquals(2, run.exitStatus(), run::toString);
        assertEquals(List.of("lockstep: error: NP is 'two'; give a number of ranks from 1 on"), run.errorLines());
    }

    private ProcessRun.Result summary(String... moreReports) {
        List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java",
                SCRIPTS.resolve("TestSummary.java").toString(), "sources", "reports"));
        command.addAll(List.of(moreReports));
        return ProcessRun.command(command.toArray(String[]::new)).directory(folder).run();
    }

    private void write(String file, String content) throws Exception {
        Path path = folder.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, content);
    }
}
