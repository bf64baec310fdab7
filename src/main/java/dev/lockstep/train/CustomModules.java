package dev.lockstep.train;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.Device;
import dev.lockstep.job.Job;
import dev.lockstep.job.LayerConfig;
import dev.lockstep.nn.CheckedModule;
import dev.lockstep.nn.GradientChecker;
import dev.lockstep.nn.Module;
import dev.lockstep.nn.ModuleContract;
import dev.lockstep.nn.ModuleContractException;
import dev.lockstep.nn.ModuleOptions;
import dev.lockstep.nn.Residual;
import dev.lockstep.nn.Sequential;
import java.lang.reflect.InvocationTargetException;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.ObjIntConsumer;

/** Modules of classes on the class path that a job file names. */
public final class CustomModules {
    private static final String CONSTRUCTOR = "constructor (ModuleOptions options, int inputFeatures)";

    private CustomModules() {
    }

    /** Whether the job has any. */
    public static boolean in(Job job) {
        return LayerConfig.flattened(job.model()).anyMatch(LayerConfig.CustomLayer.class::isInstance);
    }

    /**
     * Holds the job's custom modules to their contract, with random numbers.
     *
     * @param inputFeatures of the model
     * @param device        of host memory; keeps what is allocated until it is closed
     * @throws InvalidInputException naming the class and what it does
     */
    public static void check(Job job, int inputFeatures, Device device) {
        forEach(job, inputFeatures, (module, features) -> ModuleContract.check(device, module, features));
    }

    /**
     * Holds what their backward computes to finite differences of their forward, too, which takes a while.
     *
     * @param device that computes in FLOAT64
     * @throws InvalidInputException as {@link #check}
     */
    public static void checkGradients(Job job, int inputFeatures, Device device) {
        forEach(job, inputFeatures, new GradientChecker(device)::check);
    }

    private static void forEach(Job job, int inputFeatures, ObjIntConsumer<Module> check) {
        forEach(Models.build(job.model(), inputFeatures), inputFeatures, check);
    }

    private static void forEach(Sequential layers, int inputFeatures, ObjIntConsumer<Module> check) {
        int features = inputFeatures;
        for (Module module : layers.modules()) {
            if (module instanceof CustomModule custom) {
                try {
                    check.accept(custom, features);
                } catch (ModuleContractException e) {
                    throw new InvalidInputException(custom.where() + ": " + e.getMessage(), e);
                } catch (TrainingException e) {
                    throw new InvalidInputException(e.getMessage(), e);
                }
            } else if (module instanceof Residual residual) {
                forEach(residual.block(), features, check);
            }
            features = module.outputFeatures(features);
        }
    }

    /** The custom module, if it is one, for which a model needs batches of so many samples on each rank. */
    static Optional<CustomModule> needing(Sequential layers, int ranks, int samples) {
        Module first = layers.modules().stream().filter(module -> module.smallestBatch(ranks) == samples).findFirst()
                .orElseThrow();
        if (first instanceof Residual residual) {
            return needing(residual.block(), ranks, samples);
        }
        return first instanceof CustomModule custom ? Optional.of(custom) : Optional.empty();
    }

    /** @param path {@code "model.1"} */
    static CustomModule build(String path, LayerConfig.CustomLayer layer, int inputFeatures) {
        String where = path + " (class " + layer.className() + ")";
        Class<? extends Module> type = find(where, layer.className());
        ModuleOptions options = ModuleOptions.of(layer.options());
        try {
            Module module = type.getConstructor(ModuleOptions.class, int.class).newInstance(options, inputFeatures);
            options.requireAllKnown();
            return new CustomModule(where, new CheckedModule(module));
        } catch (InvalidInputException e) {
            throw CustomModule.before(where, "", e);
        } catch (InvocationTargetException e) {
            throw CustomModule.before(where, "the constructor", e.getCause());
        } catch (NoSuchMethodException e) {
            throw new InvalidInputException(where + ": it has no public " + CONSTRUCTOR, e);
        } catch (InstantiationException | IllegalAccessException e) {
            throw new InvalidInputException(where + ": it must be a public class that is not abstract, with a public "
                    + CONSTRUCTOR, e);
        } catch (LinkageError e) {
            throw CustomModule.before(where, "the constructor", e);
        }
    }

    private static Class<? extends Module> find(String where, String name) {
        try {
            Class<?> found = Class.forName(name, true, Thread.currentThread().getContextClassLoader());
            if (!Module.class.isAssignableFrom(found)) {
                throw new InvalidInputException(where + ": it does not implement " + Module.class.getName());
            }
            return found.asSubclass(Module.class);
        } catch (ClassNotFoundException e) {
            throw new InvalidInputException(where + ": no such class; name the jar or folder that holds it, as in"
                    + " ./lockstep --class-path my.jar train …, or in LOCKSTEP_CLASSPATH", e);
        } catch (ExceptionInInitializerError e) {
            throw CustomModule.before(where, "its static initializer", e.getCause());
        } catch (LinkageError e) {
            throw new InvalidInputException(where + ": it cannot be loaded (" + e.getClass().getSimpleName() + ": "
                    + e.getMessage() + "); compile it again", e);
        } catch (Error e) {
            // Errors that a static initializer throws come as they are.
            throw CustomModule.before(where, "its static initializer", e);
        }
    }

    /** What ranks that train the same model have in common: {@code "class com.example.Swish"} to what tells its code. */
    static Map<String, String> code(Job job) {
        Map<String, String> code = new TreeMap<>();
        LayerConfig.flattened(job.model()).filter(LayerConfig.CustomLayer.class::isInstance)
                .map(layer -> ((LayerConfig.CustomLayer) layer).className()).distinct()
                .forEach(name -> code.put("class " + name, ClassFiles.sha256(name)));
        return code;
    }
}
