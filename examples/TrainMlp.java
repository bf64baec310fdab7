import dev.lockstep.cli.Lockstep;
import dev.lockstep.job.ActivationKind;
import dev.lockstep.job.Job;
import dev.lockstep.job.JobFile;
import dev.lockstep.job.LayerConfig;
import dev.lockstep.train.EpochMetrics;
import dev.lockstep.train.Evaluation;
import dev.lockstep.train.Trainer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Builds a model, trains it on all ranks and evaluates it. After `make build`:
 *
 *     javac -cp target/lockstep.jar -d target/examples examples/TrainMlp.java
 *     mpirun -np 2 ./lockstep --class-path target/examples run TrainMlp 128 64
 *
 * Fashion-MNIST, which `make deps` installs; some seconds on two cores, to a test accuracy of 84.5 %.
 */
public final class TrainMlp {
    /** What a job file would say, but for the model. */
    private static final String RECIPE = """
            name: train-mlp
            data:
              train:
                format: idx
                images: data/fashion-mnist/train-images-idx3-ubyte.gz
                labels: data/fashion-mnist/train-labels-idx1-ubyte.gz
              test:
                format: idx
                images: data/fashion-mnist/t10k-images-idx3-ubyte.gz
                labels: data/fashion-mnist/t10k-labels-idx1-ubyte.gz
            optimizer:
              sgd: {lr: 0.01, momentum: 0.9}
            train: {epochs: 3, batch-size: 64}
            """;

    private TrainMlp() {}

    /** @param sizes of the hidden layers */
    public static void main(String[] sizes) {
        List<LayerConfig> model = new ArrayList<>();
        int features = 784;
        for (String size : sizes) {
            model.add(new LayerConfig.LinearLayer(features, Integer.parseInt(size)));
            model.add(new LayerConfig.ActivationLayer(ActivationKind.RELU));
            features = Integer.parseInt(size);
        }
        model.add(new LayerConfig.LinearLayer(features, 10));
        Job job = JobFile.parse(RECIPE, model, Path.of(""));

        // From here on every rank does the same; what one of them throws ends all.
        Lockstep.run(lockstep -> {
            Trainer trainer = lockstep.trainer(job);
            lockstep.print("%,d parameters on %d ranks", trainer.replica().parameterCount(), lockstep.communicator().size());
            for (int epoch = 1; epoch <= job.train().epochs(); epoch++) {
                EpochMetrics trained = trainer.trainEpoch(epoch, Trainer.StepHook.NONE);
                Evaluation test = trainer.evaluate().orElseThrow();
                lockstep.print("epoch %d  loss %.4f  test loss %.4f  accuracy %.2f %%", epoch, trained.trainLoss(),
                        test.loss(), 100 * test.accuracy());
            }
        });
    }
}
