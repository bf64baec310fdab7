package dev.lockstep.testing;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * The Slurm cluster of {@code src/test/slurm/cluster.sh} during a test class, whose tests are skipped where there can be
 * none. What its daemons have logged is printed with each test that fails.
 */
public final class SlurmCluster
        implements BeforeAllCallback, BeforeEachCallback, AfterTestExecutionCallback, AfterAllCallback {
    private static final String SCRIPT = Path.of("src/test/slurm/cluster.sh").toAbsolutePath().toString();
    private static final int IMPOSSIBLE_HERE = 3;

    private ProcessRun.Result start;

    @Override
    public void beforeAll(ExtensionContext context) {
        start = ProcessRun.command(SCRIPT, "start").limit(Duration.ofMinutes(3)).run();
        assertTrue(start.exitStatus() == 0 || start.exitStatus() == IMPOSSIBLE_HERE, start::toString);
    }

    /** Each test, as reports do not say why a class was skipped. */
    @Override
    public void beforeEach(ExtensionContext context) {
        assumeTrue(start.exitStatus() != IMPOSSIBLE_HERE, start.stderr()::strip);
    }

    @Override
    public void afterTestExecution(ExtensionContext context) {
        if (context.getExecutionException().isPresent()) {
            System.err.println(ProcessRun.command(SCRIPT, "logs").run().stdout());
        }
    }

    @Override
    public void afterAll(ExtensionContext context) {
        ProcessRun.command(SCRIPT, "stop").run();
    }

    /** A command on the cluster's first node, {@code sbatch}, {@code scancel} and their like. */
    public static ProcessRun command(String... words) {
        return ProcessRun.command(SCRIPT, "run").arguments(words)
                .environment("OMPI_ALLOW_RUN_AS_ROOT", "1")
                .environment("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
                .environment("OMPI_MCA_pml", "ob1")
                .environment("OMPI_MCA_btl", "self,vader,tcp")
                .environment("CUDA_VISIBLE_DEVICES", "");
    }
}
