package dev.lockstep.data;

import dev.lockstep.InvalidInputException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** IDX files of one kind, whose elements are read one file after the other. */
final class IdxSeries implements AutoCloseable {
    private final List<Path> paths;
    private final List<IdxFile> files = new ArrayList<>();
    /** The file that is read from, and its elements that are not yet read. */
    private int current;
    private long left;

    private IdxSeries(List<Path> paths) {
        this.paths = paths;
    }

    /** Opens all of them, and checks their headers and that their samples are alike. */
    static IdxSeries open(List<Path> paths, IdxFile.Kind kind) {
        IdxSeries series = new IdxSeries(paths);
        try {
            for (Path path : paths) {
                series.files.add(IdxFile.open(path, kind));
            }
            series.check();
            series.left = series.elements(0);
            return series;
        } catch (InvalidInputException e) {
            series.close();
            throw e;
        }
    }

    private void check() {
        long all = 0;
        for (int i = 0; i < files.size(); i++) {
            if (files.get(i).features() != features()) {
                throw new InvalidInputException(paths.get(i) + " has " + files.get(i).features() + " elements a sample, but "
                        + paths.get(0) + " has " + features() + "; name files that belong together");
            }
            all += files.get(i).samples();
        }
        if (all > Integer.MAX_VALUE) {
            throw new InvalidInputException(paths.get(0) + " and those beside it have " + all
                    + " samples, more than can be numbered; name fewer files");
        }
    }

    private long elements(int file) {
        return (long) files.get(file).samples() * features();
    }

    /** Of the file at {@code index}. */
    int samples(int index) {
        return files.get(index).samples();
    }

    /** Of all files. */
    int samples() {
        return files.stream().mapToInt(IdxFile::samples).sum();
    }

    /** Elements of each sample; 1 for labels. */
    int features() {
        return files.get(0).features();
    }

    /** Fills what remains of {@code target} with the next elements. */
    void read(ByteBuffer target) {
        int limit = target.limit();
        while (target.position() < limit) {
            if (left == 0) {
                checkEnd();
                current++;
                left = elements(current);
            }
            int count = (int) Math.min(left, limit - target.position());
            files.get(current).read(target.limit(target.position() + count));
            left -= count;
        }
    }

    /** To be called when all elements are read: nothing may follow them. */
    void checkEnd() {
        files.get(current).checkEnd();
    }

    @Override
    public void close() {
        files.forEach(IdxFile::close);
    }
}
