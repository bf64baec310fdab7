package dev.lockstep.train;

import dev.lockstep.data.CsvEncoding;
import dev.lockstep.data.CsvOptions;
import dev.lockstep.data.CsvSource;
import dev.lockstep.data.DatasetSource;
import dev.lockstep.data.IdxSource;
import dev.lockstep.data.SyntheticSource;
import dev.lockstep.data.SyntheticValuesSource;
import dev.lockstep.job.CsvColumns;
import dev.lockstep.job.DataSource;
import dev.lockstep.job.Job;
import dev.lockstep.job.LossConfig;
import java.util.function.Supplier;

/** The readers of a job's data. */
final class DataSources {
    private DataSources() {
    }

    /** Of data.train. */
    static DatasetSource training(Job job) {
        return job.data().train() instanceof DataSource.Csv csv
                ? CsvSource.training(csv.files(), options(csv.columns().orElseThrow(), job.loss() instanceof LossConfig.CrossEntropy))
                : source(job.data().train(), () -> {
                    throw new IllegalStateException("training data is not encoded as other data is");
                });
    }

    /**
     * Of any split, to be read as the training data was.
     *
     * @param encoding asked for where {@code source} is of CSV files, when they are read
     */
    static DatasetSource source(DataSource source, Supplier<CsvEncoding> encoding) {
        if (source instanceof DataSource.Csv csv) {
            return CsvSource.encoded(csv.files(), encoding);
        }
        if (source instanceof DataSource.Idx idx) {
            return new IdxSource(idx.images(), idx.labels());
        }
        if (source instanceof DataSource.SyntheticValues values) {
            return new SyntheticValuesSource(values.samples(), values.features(), values.outputs(), values.seed());
        }
        DataSource.Synthetic synthetic = (DataSource.Synthetic) source;
        return new SyntheticSource(synthetic.samples(), synthetic.features(), synthetic.classes(), synthetic.seed());
    }

    private static CsvOptions options(CsvColumns columns, boolean classes) {
        return new CsvOptions(columns.header(), columns.delimiter(), columns.target(), classes, columns.categorical(),
                columns.drop(), columns.missing() == CsvColumns.MissingPolicy.IMPUTE, columns.missingValues(),
                columns.unknownCategories() == CsvColumns.UnknownPolicy.IGNORE, columns.standardize());
    }
}
