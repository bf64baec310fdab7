package dev.lockstep.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.comm.Communicator;
import dev.lockstep.data.CsvEncoding;
import dev.lockstep.data.Dataset;
import dev.lockstep.device.Device;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import dev.lockstep.train.Checkpoint;
import dev.lockstep.train.CheckpointEvaluator;
import dev.lockstep.train.CheckpointState;
import dev.lockstep.train.Evaluation;
import dev.lockstep.train.EvaluationData;
import dev.lockstep.train.JobChecks;
import dev.lockstep.train.MemoryBudget;
import dev.lockstep.train.PredictionsFile;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lockstep evaluate}. */
@Command(name = "evaluate", mixinStandardHelpOptions = true,
        description = "Loss and metrics of a checkpoint on a data set, each sample counted once.")
final class EvaluateCommand implements Callable<Integer> {
    /** The job's data sets. */
    enum Split { TRAIN, TEST, VALIDATION }

    private static final int LOSS_DIGITS = 6;

    private final CommandContext context;

    @Parameters(index = "0", paramLabel = "CHECKPOINT",
            description = "A checkpoint's folder; or a run's, for its newest checkpoint.")
    private Path path;

    @Parameters(index = "1", arity = "0..1", paramLabel = "JOB.yaml",
            description = "A job file to take the data from; else the checkpoint's own job.")
    private Path file;

    @Option(names = "--set", paramLabel = "KEY=VALUE",
            description = "Set a key of that job, as data.test.images=FILE; the value is YAML. May be repeated.")
    private List<String> sets = List.of();

    @Option(names = "--split", paramLabel = "SPLIT", defaultValue = "test",
            description = "train, test or validation: the job's data of that name. Default: ${DEFAULT-VALUE}.")
    private Split split;

    @Option(names = "--predictions", paramLabel = "FILE.csv", description = "Write what is predicted for each sample, in "
            + "the data's order: its index, target, prediction, and the classes' probabilities.")
    private Path predictions;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    EvaluateCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        return context.failure().withRanks(context.program(), this::evaluate);
    }

    private int evaluate(Communicator communicator) {
        boolean first = communicator.rank() == 0;
        Optional<Checkpoint> checkpoint = Agreement.onAllRanks(communicator, () -> first
                ? Optional.of(Checkpoint.find(path, warning -> System.err.println("lockstep: warning: " + warning)))
                : Optional.empty());
        CheckpointState state = SharedCheckpoint.state(communicator, checkpoint).orElseThrow();
        // How training was validated has no bearing on this, and need not fit what --set asks for.
        List<String> all = Stream.concat(Stream.of("validation=null"), sets.stream()).toList();
        Job job = Agreement.onAllRanks(communicator,
                () -> file == null ? state.parseJob(path, all) : JobFile.load(file, all));
        RankWatch.start(communicator, job.timeout(), context.failure());
        Environment environment = Environment.detect(context.program(), context.launch(), communicator, Optional.of(job));
        RankDevice rankDevice = new RankDevice(environment, communicator);
        MemoryBudget budget = rankDevice.budget();
        Optional<CsvEncoding> encoding = SharedCheckpoint.encoding(communicator, checkpoint);
        String key = "data." + split.name().toLowerCase(Locale.ROOT);
        EvaluationData source = Agreement.onAllRanks(communicator, () -> JobChecks.checkEvaluation(job, key, encoding,
                communicator.size(), budget));
        Device device = rankDevice.open(job);
        Dataset data = Agreement.onAllRanks(communicator, () -> source.load(device));
        CheckpointEvaluator evaluator = new CheckpointEvaluator(device, communicator, job, data);
        Optional<PredictionsFile> csv = Agreement.onAllRanks(communicator, () -> {
            checkpoint.ifPresent(evaluator::read);
            return first && predictions != null ? Optional.of(new PredictionsFile(predictions)) : Optional.empty();
        });
        try {
            Evaluation evaluation = predictions == null ? evaluator.evaluate() : evaluator.evaluate(csv);
            if (first) {
                print(checkpoint.orElseThrow(), data, evaluation);
            }
        } finally {
            csv.ifPresent(PredictionsFile::close);
        }
        device.close();
        return 0;
    }

    private void print(Checkpoint checkpoint, Dataset data, Evaluation evaluation) {
        if (!json) {
            System.out.println(String.format(Locale.ROOT, "%s on %s, %,d samples: %s", checkpoint.folder(),
                    data.description(), evaluation.samples(), evaluation.describe(LOSS_DIGITS)));
            evaluation.confusionMatrix().ifPresent(counts -> ConfusionTable.lines(counts).forEach(System.out::println));
            return;
        }
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("checkpoint", checkpoint.folder().toString());
        map.put("epoch", checkpoint.state().epochsCompleted());
        map.put("step", checkpoint.state().position().step());
        map.put("data", data.description());
        map.put("samples", evaluation.samples());
        map.putAll(evaluation.toWholeMap(""));
        try {
            System.out.println(new ObjectMapper().writeValueAsString(map));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a result that is no JSON: " + map, e);
        }
    }
}
