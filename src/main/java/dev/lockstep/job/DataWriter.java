package dev.lockstep.job;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** Writes where samples come from. */
final class DataWriter {
    private DataWriter() {}

    static String source(DataSource source) {
        if (source instanceof DataSource.Idx idx) {
            return "{format: idx, images: " + paths(idx.images()) + ", labels: " + paths(idx.labels()) + "}";
        }
        if (source instanceof DataSource.Csv csv) {
            return "{format: csv, files: " + paths(csv.files()) + csv.columns().map(DataWriter::columns).orElse("") + "}";
        }
        if (source instanceof DataSource.SyntheticValues values) {
            return "{format: synthetic, samples: " + values.samples() + ", features: " + values.features() + ", outputs: "
                    + values.outputs() + ", seed: " + values.seed() + "}";
        }
        DataSource.Synthetic synthetic = (DataSource.Synthetic) source;
        return "{format: synthetic, samples: " + synthetic.samples() + ", features: " + synthetic.features()
                + ", classes: " + synthetic.classes() + ", seed: " + synthetic.seed() + "}";
    }

    private static String columns(CsvColumns columns) {
        return ", target: " + texts(columns.target()) + ", header: " + columns.header()
                + ", delimiter: " + Text.yaml("" + columns.delimiter()) + ", categorical: " + texts(columns.categorical())
                + ", drop: " + texts(columns.drop()) + ", missing: " + Value.spelling(columns.missing())
                + ", missing-values: " + texts(columns.missingValues())
                + ", unknown-categories: " + Value.spelling(columns.unknownCategories())
                + ", standardize: " + columns.standardize();
    }

    private static String paths(List<Path> paths) {
        return texts(paths.stream().map(Path::toString).toList());
    }

    /** One alone as a user would write it. */
    private static String texts(List<String> texts) {
        return texts.size() == 1 ? Text.yaml(texts.get(0))
                : texts.stream().map(Text::yaml).collect(Collectors.joining(", ", "[", "]"));
    }
}
