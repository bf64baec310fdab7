package dev.lockstep.job;

import dev.lockstep.InvalidInputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

/** Job files: reading with {@code --set} options applied, and writing the resolved job. */
public final class JobFile {
    private static final int MAX_FILE_BYTES = 1 << 20;

    private JobFile() {}

    /**
     * Reads a job file; relative paths in it are relative to its folder.
     *
     * @param sets {@code KEY=VALUE} options, applied in order; KEY is dotted, VALUE is YAML
     * @throws InvalidInputException naming the first problem found, in one line
     */
    public static Job load(Path file, List<String> sets) {
        Location at = new Location(file.toString(), 0);
        String yaml = decode(bytes(file, at), at);
        return parse(yaml, file.toAbsolutePath().getParent(), at.source(), sets);
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
        Location at = new Location(sourceName, 0);
        YamlNode root = YamlReader.read(yaml, sourceName, true).orElseThrow(() -> at.error("is empty; a job file needs at"
                + " least name, data.train, model, optimizer.sgd.lr, train.epochs and train.batch-size"));
        if (!(root instanceof YamlNode.Mapping mapping)) {
            throw root.at().error("a job file must be a map of keys such as 'name: my-job'");
        }
        return new JobReader(baseDirectory.toAbsolutePath()).job(SetOption.apply(mapping, sets));
    }

    /** The job as YAML, every key resolved: equal jobs give equal text, and parsing it gives an equal job. */
    public static String toYaml(Job job) {
        return JobWriter.yaml(job);
    }

    private static byte[] bytes(Path file, Location at) {
        if (Files.isDirectory(file)) {
            throw at.error("is a folder, not a job file");
        }
        byte[] bytes;
        try (InputStream in = Files.newInputStream(file)) {
            bytes = in.readNBytes(MAX_FILE_BYTES + 1);
        } catch (NoSuchFileException e) {
            throw at.error("no such job file");
        } catch (AccessDeniedException e) {
            throw at.error("cannot be read: permission denied");
        } catch (IOException e) {
            throw at.error("cannot be read: " + e.getMessage());
        }
        if (bytes.length > MAX_FILE_BYTES) {
            throw at.error("is larger than " + Units.BYTES.format(MAX_FILE_BYTES) + ", so it is no job file");
        }
        return bytes;
    }

    private static String decode(byte[] bytes, Location at) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw at.error("is not UTF-8 text, so it is no job file");
        }
    }
}
