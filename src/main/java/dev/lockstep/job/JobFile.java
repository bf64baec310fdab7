package dev.lockstep.job;

import dev.lockstep.InvalidInputException;
import java.nio.file.Path;
import java.util.List;

/** Job files: reading with {@code --set} options applied, and writing the resolved job. */
public final class JobFile {
    private JobFile() {}

    /**
     * Reads a job file; relative paths in it are relative to its folder.
     *
     * @param sets {@code KEY=VALUE} options, applied in order; KEY is dotted, VALUE is YAML
     * @throws InvalidInputException naming the first problem found, in one line
     */
    public static Job load(Path file, List<String> sets) {
        return parse(TextFile.read(file, "job file"), file.toAbsolutePath().getParent(), file.toString(), sets);
    }

    /**
     * Reads a job from text.
     *
     * @param baseDirectory what relative paths are relative to
     * @param sourceName stands for the text in messages
     * @param sets as in {@link #load}
     * @throws InvalidInputException naming the first problem found, in one line
     */
    public static Job parse(String yaml, Path baseDirectory, String sourceName, List<String> sets) {
        YamlNode.Mapping mapping = mapping(yaml, sourceName);
        return new JobReader(baseDirectory.toAbsolutePath()).job(SetOption.apply(mapping, sets, JobKeys.ALL));
    }

    /**
     * Reads a job from text, with its model given in Java.
     *
     * @param yaml as a job file's, its key {@code model} left out
     * @param model as {@link Job#model} describes it; checked like a job file's
     * @param baseDirectory what relative paths are relative to
     * @throws InvalidInputException naming the first problem found, in one line
     */
    public static Job parse(String yaml, List<LayerConfig> model, Path baseDirectory) {
        Location at = new Location("model", 0);
        YamlNode layers = YamlReader.read(JobWriter.model(model), at.source(), false).orElseThrow(() -> at.error("is empty"));
        YamlNode.Mapping mapping = mapping(yaml, "job").with("model", new YamlNode.Entry(at, layers));
        return new JobReader(baseDirectory.toAbsolutePath()).job(mapping);
    }

    private static YamlNode.Mapping mapping(String yaml, String sourceName) {
        Location at = new Location(sourceName, 0);
        YamlNode root = YamlReader.read(yaml, sourceName, true).orElseThrow(() -> at.error("is empty; a job file needs at"
                + " least name, data.train, model, optimizer.sgd.lr, train.epochs and train.batch-size"));
        if (!(root instanceof YamlNode.Mapping mapping)) {
            throw root.at().error("a job file must be a map of keys such as 'name: my-job'");
        }
        return mapping;
    }

    /** The job as YAML, every key resolved: equal jobs give equal text, and parsing it gives an equal job. */
    public static String toYaml(Job job) {
        return JobWriter.yaml(job);
    }

    /** Each layer of the job's model as its file has it, every key resolved: {@code "linear: {in: 784, out: 128}"}. */
    public static List<String> layers(Job job) {
        return job.model().stream().map(JobWriter::layer).toList();
    }
}
