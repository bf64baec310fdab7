package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import java.lang.reflect.InvocationTargetException;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code lockstep run}. */
@Command(name = "run", mixinStandardHelpOptions = true,
        description = "Run a program of your own that uses Lockstep as a library: ./lockstep --class-path PATH run CLASS")
final class RunCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "CLASS", description = "Full name of the class whose main method is called.")
    private String className;

    @Parameters(index = "1..*", paramLabel = "ARGUMENT", description = "What main is given; behind -- if it begins with -.")
    private List<String> arguments = List.of();

    @Override
    public Integer call() throws Exception {
        try {
            Class.forName(className, true, Thread.currentThread().getContextClassLoader())
                    .getMethod("main", String[].class).invoke(null, (Object) arguments.toArray(String[]::new));
            return 0;
        } catch (ClassNotFoundException | NoClassDefFoundError e) {
            throw new InvalidInputException("run: there is no class " + className + " on the class path; name the jar or"
                    + " folder that holds it, as in ./lockstep --class-path my.jar run …, or in LOCKSTEP_CLASSPATH", e);
        } catch (NoSuchMethodException | IllegalAccessException e) {
            throw new InvalidInputException("run: " + className + " is no public class with a method public static void"
                    + " main(String[])", e);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw (Exception) e.getCause();
        }
    }
}
