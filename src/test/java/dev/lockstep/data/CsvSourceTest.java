package dev.lockstep.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lockstep.data.CsvEncoding.Categorical;
import dev.lockstep.data.CsvEncoding.Classes;
import dev.lockstep.data.CsvEncoding.Column;
import dev.lockstep.data.CsvEncoding.Dropped;
import dev.lockstep.data.CsvEncoding.Numeric;
import dev.lockstep.InvalidInputException;
import dev.lockstep.device.Buffers;
import dev.lockstep.device.Device;
import dev.lockstep.device.reference.ReferenceDevice;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CsvSourceTest {
    private static final String SHOP = """
            id,size,colour,note,price
            1,2.0,red,"a, b",x
            2,4.0,blue,"c ""d\""",y
            3,6.0,red,"e
            f",x
            """;

    @TempDir
    private Path folder;

    @Test
    void shouldEncodeColumns() {
        CsvSource source = training(options("price").categorical("colour").drop("id", "note"), SHOP);

        double deviation = Math.sqrt(8 / 3.0);
        assertEquals(List.<Column>of(new Dropped("id"), new Numeric("size", 4, deviation),
                new Categorical("colour", List.of("blue", "red"), "red"), new Dropped("note"),
                new Classes("price", List.of("x", "y"))), source.encoding().orElseThrow().columns());
        assertEquals(new DatasetInfo(3, 3, 3 * 4 * Float.BYTES), source.info());
        float z = (float) (2 / deviation);
        assertFeatures(source, -z, 0, 1, 0, 1, 0, z, 0, 1);
        assertArrayEquals(new double[] {0, 1, 0}, targets(source));
    }

    @Test
    void shouldKeepTargetsThatAreNumbersInTheOrderTheyAreNamed() {
        CsvSource source = training(options("b", "a").values(), "a,x,b\n1,5,0.1\n-2e3,6,4\n");

        assertEquals(new DatasetInfo(2, 1, OptionalInt.of(2), 2 * 3 * Float.BYTES), source.info());
        assertArrayEquals(new double[] {0.1f, 1, 4, -2000}, targets(source));
        assertFeatures(source, -1, 1);
    }

    @Test
    void shouldLeaveNumbersAsTheyAre() {
        assertFeatures(training(options("y").raw(), "x,y\n0.1,a\n1e30,b\n"), 0.1f, 1e30f);
    }

    @Test
    void shouldNameColumnsByTheirPlaceWhereThereIsNoHeader() {
        CsvSource source = training(options("2").noHeader().categorical("1"), "1,a,0\n3,b,1\n");
        assertEquals(List.of("0", "1", "2"), source.encoding().orElseThrow().names());
        assertFeatures(source, -1, 1, 0, 1, 0, 1);
    }

    @Test
    void shouldNameAColumnWithoutANameAsPandasDoes() {
        assertFeatures(training(options("y").drop("Unnamed: 0"), ",x,y\n0,1,a\n1,3,b\n"), -1, 1);
    }

    @Test
    void shouldSortCategoriesByValueWhereAllAreNumbers() {
        assertEquals(new Classes("y", List.of("-1", "2", "10")), column(1, training(options("y"), "x,y\n1,10\n2,2\n3,-1\n")));
        assertEquals(new Classes("y", List.of("10", "2", "é", "\uFF21", "\uD83D\uDE00")),
                column(1, training(options("y"), "x,y\n1,\uD83D\uDE00\n2,2\n3,10\n4,\uFF21\n5,é\n")));
    }

    @Test
    void shouldTakeAColumnThatIsAlwaysTheSameForZero() {
        CsvSource source = training(options("y"), "x,y\n0.1,a\n0.1,b\n0.1,a\n");
        assertEquals(new Numeric("x", 0.1, 1), column(0, source));
        assertFeatures(source, 0, 0, 0);
    }

    /** As scikit-learn's SimpleImputer and StandardScaler behind it. */
    @Test
    void shouldImputeMissingValues() {
        CsvSource source = training(options("y").impute().categorical("c"),
                "x,c,y\n1,b,k\n ,NA,k\nnan,a,k\n3,b,k\n NA ,a,k\n2,\"\",k\n");
        assertEquals(new Numeric("x", 2, Math.sqrt(2 / 6.0)), column(0, source));
        // Both twice: the first in their order.
        assertEquals(new Categorical("c", List.of("a", "b"), "a"), column(1, source));
        float z = (float) (1 / Math.sqrt(2 / 6.0));
        assertFeatures(source, -z, 0, 1, 0, 1, 0, 0, 1, 0, z, 0, 1, 0, 1, 0, 0, 1, 0);
    }

    @Test
    void shouldTakeANumberForMissingWhereItIsSaidToBe() {
        CsvSource source = training(options("y").impute().missing("-999", "?"), "x,y\n1,k\n-999,k\n?,k\n3,k\n");
        assertEquals(new Numeric("x", 2, Math.sqrt(2 / 4.0)), column(0, source));
        BadInput.refused(training(options("y").impute().missing("?"), "x,y\n1,k\nNA,k\n")::info, "data.csv:3: column 'x' holds 'NA'");
    }

    @Test
    void shouldEncodeOtherSplitsAsTheTrainingSplit() {
        CsvSource train = training(options("y").impute().categorical("c"), "x,c,y\n1,b,k\n3,a,m\n1,b,k\n3,b,k\n");
        CsvSource test = other(train, "x,c,y\n5,a,m\n,,k\n");
        assertEquals(new DatasetInfo(2, 3, 2 * 4 * Float.BYTES), test.info());
        assertFeatures(test, 3, 1, 0, 0, 0, 1);
        assertArrayEquals(new double[] {1, 0}, targets(test));
    }

    @Test
    void shouldLeaveUnknownCategoriesZeroOrRefuseThem() {
        String table = "x,c,y\n1,a,k\n3,b,k\n";
        BadInput.refused(() -> load(other(training(options("y").categorical("c"), table), "x,c,y\n1,a,k\n1,d,k\n")), "other.csv:3: column"
                + " 'c' holds the category 'd', which the training split has not; correct it, or set data.train.unknown-categories");
        assertFeatures(other(training(options("y").categorical("c").ignoreUnknown(), table), "x,c,y\n1,a,k\n1,d,k\n3,b,k\n"),
                -1, 1, 0, -1, 0, 0, 1, 0, 1);
        BadInput.refused(() -> load(other(training(options("y").categorical("c").ignoreUnknown(), table), "x,c,y\n1,a,z\n")),
                "other.csv:2: column 'y' holds the class 'z', which the training split has not; correct it");
    }

    @Test
    void shouldReadSeveralFilesAsOne() {
        Path first = CsvText.write(folder.resolve("1.csv"), "x,y\n1,b\n2,a");
        Path second = IdxFiles.write(folder.resolve("2.csv.gz"), IdxFiles.gzip("\"x\",y\r\n3,a\r\n".getBytes()));
        Path third = CsvText.write(folder.resolve("3.csv"), "x,y\n");
        CsvSource source = CsvSource.training(List.of(first, second, third),
                options("y").raw().build());
        assertEquals(first + " and 2 more", source.description());
        assertFeatures(source, 1, 2, 3);
        assertArrayEquals(new double[] {1, 0, 0}, targets(source));
    }

    @Test
    void shouldRefuseFilesWithOtherColumns() {
        Path first = CsvText.write(folder.resolve("1.csv"), "x,y\n1,b\n");
        for (String[] other : new String[][] {
            {"y,x\n1,2\n", "2.csv:1: column 0 is 'y', but 'x' in " + first + "; name files with the same columns in the same order"},
            {"x,y,z\n1,2,3\n", "2.csv:1: there are 3 columns, but 2 in " + first + "; name files with the same columns"},
            {"\n\n", "2.csv holds no header; get the file again"}}) {
            Path second = CsvText.write(folder.resolve("2.csv"), other[0]);
            BadInput.refused(CsvSource.training(List.of(first, second), options("y").build())::info, other[1]);
            CsvSource train = CsvSource.training(List.of(first), options("y").build());
            BadInput.refused(CsvSource.encoded(List.of(second), () -> train.encoding().orElseThrow())::info,
                    other[1].replace(first.toString(), "the training split"));
        }
    }

    @Test
    void shouldRefuseAFileThatChangesWhileItIsRead() {
        CsvSource source = training(options("y"), "x,y\n1,b\n2,b\n");
        for (String now : List.of("x,y\n1,b\n2,b\n3,b\n", "x,y\n1,b\n", "x,y\n1,b\n3,b\n", "x,y\n1,b\n2,b\n\n")) {
            source.info();
            CsvText.write(folder.resolve("data.csv"), now);
            BadInput.refused(() -> load(source), folder.resolve("data.csv")
                    + " changed while it was read; start again when nothing writes to it");
        }
    }

    @ParameterizedTest
    @org.junit.jupiter.params.provider.CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "x,y\\n1,b\\n1,2,3\\n      | :3: the row has 3 fields, but there are 2 columns; check its delimiters and quotes",
        "x,y\\n1\\n                | :2: the row has 1 field, but there are 2 columns; check its delimiters and quotes",
        "x,y\\n1,\\n               | :2: column 'y' has no value; remove the row: a target cannot be replaced",
        "x,y\\n1,a\\nNA,b\\n       | :3: column 'x' has no value ('NA'); correct it, or set data.train.missing to impute",
        "x,y\\nred,a\\n            | :2: column 'x' holds 'red', which is no number; correct it, or name such columns in data.train.categorical",
        "x,u,v,w,y\\n1,b,2,c,d\\n  | :2: column 'u' holds 'b', which is no number; the same goes for 'w'; correct it",
        "x,y\\n\"3,14\",a\\n       | :2: column 'x' holds '3,14', and numbers here have no commas; write 1234.5 where it says 1234,5 or 1,234.5",
        "x,u,v,y\\n\"3,1\",1,\" -1,234.5\",a\\n | :2: column 'x' holds '3,1', and numbers here have no commas; the same goes for 'v'; write 1234.5",
        "x,u,v,w,y\\n\"1,5\",b,\"2,5\",c,a\\n | :2: column 'x' holds '1,5', and numbers here have no commas; the same goes"
                + " for 'v'; column 'u' holds 'b', which is no number; the same goes for 'w'; write 1234.5 where it says"
                + " 1234,5 or 1,234.5; correct 'u', or name such columns in data.train.categorical or data.train.drop",
        "x,u,y\\nb,\"1,5\",a\\n | :2: column 'x' holds 'b', which is no number; column 'u' holds '1,5', and numbers"
                + " here have no commas; correct it, or name such columns in data.train.categorical or data.train.drop;"
                + " write 1234.5",
        "x,y\\n\"a,b\",a\\n        | :2: column 'x' holds 'a,b', which is no number; correct it",
        "x,y\\n1e999,a\\n          | :2: column 'x' holds '1e999', which is too large; correct it",
        "x,y\\ninf,a\\n            | :2: column 'x' holds 'inf', which is no number",
        "x,y\\n1e300,a\\n-1e300,a\\n | ` holds numbers too large for their mean and standard deviation to be computed; correct them`",
        "x,x,y\\n1,2,3\\n          | :1: two columns are named 'x'; rename one",
        "x,y\\n                    | ` holds no rows; get the file again`",
        "x;y\\n1;2\\n              | ` has no column 'y', which data.train.target names; its columns are 'x;y'`",
        "y\\n1\\n                  | ` has no column but the target and those that data.train.drop names; check data.train.delimiter`",
        "x,y\\n\"1,a\\n            | :2: a quoted field does not end before the file does; check the quotes before it",
        "x,y\\n\\0\\33,a\\n  | :2: column 'x' holds '\uFFFD\uFFFD', which is no number",
    })
    void shouldNameFileAndLine(String text, String message) {
        BadInput.refused(training(options("y"), text.translateEscapes())::info,
                folder.resolve("data.csv") + message);
    }

    @Test
    void shouldNotAdviseToMakeCategoriesOfANumericTarget() {
        String advice = " holds 'a', which is no number; correct it, or name such columns in data.train.categorical or"
                + " data.train.drop";
        String ofTarget = " holds 'b', which is no number; correct it; classes go with loss: cross-entropy";
        for (boolean header : new boolean[] {true, false}) {
            Options options = header ? options("y").values() : options("1").noHeader().values();
            String names = header ? "x,y\n" : "";
            String at = folder.resolve("data.csv") + (header ? ":2: " : ":1: ");
            String target = header ? "'y'" : "'1'";
            assertEquals(at + "column " + (header ? "'x'" : "'0'") + advice, refusal(options, names + "a,b\n"));
            assertEquals(at + "the target " + target + ofTarget, refusal(options, names + "1,b\n"));
            assertEquals(at + "column " + (header ? "'x'" : "'0'") + advice.replace("number; correct it", "number; column "
                    + target + " holds '1,5', and numbers here have no commas; correct it")
                    + "; write 1234.5 where it says 1234,5 or 1,234.5", refusal(options, names + "a,\"1,5\"\n"));
        }
    }

    private String refusal(Options options, String text) {
        return assertThrows(InvalidInputException.class, training(options, text)::info).getMessage();
    }

    @ParameterizedTest
    @ValueSource(strings = {"target", "categorical", "drop"})
    void shouldRefuseAColumnThatIsNotThere(String key) {
        Options options = key.equals("target") ? options("z") : options("y");
        options = key.equals("categorical") ? options.categorical("z") : key.equals("drop") ? options.drop("z") : options;
        BadInput.refused(training(options, "a,b,y\n1,2,3\n")::info,
                "data.csv has no column 'z', which data.train." + key + " names; its columns are 'a', 'b', 'y'");
    }

    @Test
    void shouldRefuseTextThatIsNotUtf8() {
        Path file = IdxFiles.write(folder.resolve("latin.csv"), new byte[] {'c', ',', 'y', '\n', (byte) 0xE9, ',', '1', '\n'});
        BadInput.refused(CsvSource.training(List.of(file), options("y").categorical("c").build())::info,
                file + ":2: column 'c' holds '\uFFFD', which is not UTF-8 text; save the file as UTF-8");
        IdxFiles.write(file, new byte[] {(byte) 0xFF, (byte) 0xFE, 'c', 0, '\n', 0});
        BadInput.refused(CsvSource.training(List.of(file), options("y").build())::info,
                file + ":1: the name ", " of column 0 is not UTF-8 text; save the file as UTF-8");
    }

    @Test
    void shouldRefuseMoreCategoriesThanAColumnOfThemHas() {
        StringBuilder text = new StringBuilder("x,y\n");
        for (int i = 0; i <= CsvFit.MOST_CATEGORIES; i++) {
            text.append("1,c").append(i).append('\n');
        }
        BadInput.refused(training(options("y"), text.toString())::info,
                ":10002: column 'y' has more than 10000 different values; choose another data.train.target, or loss: mse");
    }

    @Test
    void shouldRefuseNumbersThatNoFloatHolds() {
        CsvSource source = training(options("y").raw(), "x,y\n1e39,a\n");
        BadInput.refused(() -> load(source), "data.csv:2: column 'x' holds a number that becomes 1.0E39, too large for a float");
    }

    @Test
    void shouldRefuseAColumnWithoutAnyValue() {
        BadInput.refused(training(options("y").impute(), "u,x,y\n1,,a\n2,NA,a\n")::info,
                "column 'x' of " + folder.resolve("data.csv") + " has no value in any row; name it in data.train.drop");
    }

    @Test
    void shouldSayWhatColumnsBecome() {
        CsvEncoding encoding = training(options("price").categorical("colour").drop("id", "note"), SHOP).encoding().orElseThrow();
        assertEquals("1 numeric column, 'colour' 2", encoding.summary());
        assertEquals("""
                'id'                     -            dropped
                'size'                   0            number, mean 4.00000, standard deviation 1.63299
                'colour'                 1-2          2 categories: 'blue', 'red'
                'note'                   -            dropped
                'price'                  -            target, 2 classes: 'x', 'y'""", String.join("\n", encoding.table()));
    }

    private static Options options(String... target) {
        return new Options(new CsvOptions(true, ',', List.of(target), target.length == 1, List.of(), List.of(), false,
                List.of("NA", "nan"), false, true));
    }

    /** Options with one of them changed. */
    private record Options(CsvOptions build) {
        Options categorical(String... columns) {
            return with(build.header(), build.classes(), List.of(columns), build.drop(), build.impute(), build.missingValues(),
                    build.ignoreUnknown(), build.standardize());
        }

        Options drop(String... columns) {
            return with(build.header(), build.classes(), build.categorical(), List.of(columns), build.impute(),
                    build.missingValues(), build.ignoreUnknown(), build.standardize());
        }

        Options values() {
            return with(build.header(), false, build.categorical(), build.drop(), build.impute(), build.missingValues(),
                    build.ignoreUnknown(), build.standardize());
        }

        Options impute() {
            return with(build.header(), build.classes(), build.categorical(), build.drop(), true, build.missingValues(),
                    build.ignoreUnknown(), build.standardize());
        }

        Options missing(String... texts) {
            return with(build.header(), build.classes(), build.categorical(), build.drop(), build.impute(), List.of(texts),
                    build.ignoreUnknown(), build.standardize());
        }

        Options ignoreUnknown() {
            return with(build.header(), build.classes(), build.categorical(), build.drop(), build.impute(),
                    build.missingValues(), true, build.standardize());
        }

        Options raw() {
            return with(build.header(), build.classes(), build.categorical(), build.drop(), build.impute(),
                    build.missingValues(), build.ignoreUnknown(), false);
        }

        Options noHeader() {
            return with(false, build.classes(), build.categorical(), build.drop(), build.impute(), build.missingValues(),
                    build.ignoreUnknown(), build.standardize());
        }

        private Options with(boolean header, boolean classes, List<String> categorical, List<String> drop, boolean impute,
                List<String> missingValues, boolean ignoreUnknown, boolean standardize) {
            return new Options(new CsvOptions(header, ',', build.target(), classes, categorical, drop, impute, missingValues,
                    ignoreUnknown, standardize));
        }
    }

    private CsvSource training(Options options, String text) {
        return CsvSource.training(List.of(CsvText.write(folder.resolve("data.csv"), text)), options.build());
    }

    private CsvSource other(CsvSource train, String text) {
        return CsvSource.encoded(List.of(CsvText.write(folder.resolve("other.csv"), text)),
                () -> train.encoding().orElseThrow());
    }

    private static Column column(int index, CsvSource source) {
        return source.encoding().orElseThrow().columns().get(index);
    }

    private static void load(CsvSource source) {
        try (Device device = new ReferenceDevice()) {
            source.load(device);
        }
    }

    private static void assertFeatures(CsvSource source, double... expected) {
        for (Device device : List.of(new ReferenceDevice(), new DeferredDevice())) {
            try (device) {
                double[] narrowed = Arrays.stream(expected).map(value -> (float) value).toArray();
                assertArrayEquals(narrowed, Buffers.read(source.load(device).features().data()));
                assertEquals(source.info().residentBytes(), device.allocatedBytes());
            }
        }
    }

    private static double[] targets(CsvSource source) {
        try (Device device = new ReferenceDevice()) {
            return Buffers.read(source.load(device).targets().data());
        }
    }
}
