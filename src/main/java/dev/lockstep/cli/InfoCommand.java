package dev.lockstep.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.lockstep.comm.Communicator;
import java.io.PrintWriter;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lockstep info}. */
@Command(name = "info", mixinStandardHelpOptions = true,
        description = "Say what was detected and why: versions, MPI, ranks and their cores, devices.")
final class InfoCommand implements Callable<Integer> {
    private final CommandContext context;

    @Spec
    private CommandSpec spec;

    @Option(names = "--json", description = "Print one JSON object, as a run's environment.json.")
    private boolean json;

    InfoCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        return context.failure().withRanks(context.program(), this::print);
    }

    private int print(Communicator communicator) {
        Environment environment = Environment.detect(context.program(), context.launch(), communicator,
                Optional.empty());
        if (communicator.rank() != 0) {
            return 0;
        }
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(toJson(environment));
        } else {
            environment.print(out);
        }
        out.flush();
        return 0;
    }

    private static String toJson(Environment environment) {
        try {
            return JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build()
                    .writeValueAsString(environment.toMap());
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
