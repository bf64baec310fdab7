package dev.lockstep.device.cuda;

import dev.lockstep.device.DataType;
import dev.lockstep.device.cuda.KernelCompiler.Compilation;

/**
 * Compiles the kernels for the compute capability that is the first argument, in a process that needs no GPU. The others
 * are the libraries to do it with, in the order in which to load them.
 */
final class CompileKernels {
    private CompileKernels() {
    }

    public static void main(String[] arguments) {
        for (int i = 1; i < arguments.length; i++) {
            System.load(arguments[i]);
        }
        KernelCompiler compiler = new KernelCompiler(Integer.parseInt(arguments[0]));
        for (DataType computeType : new DataType[] {DataType.FLOAT32, DataType.BFLOAT16}) {
            Compilation compilation = compiler.compile(KernelSource.forComputeType(computeType));
            boolean isElf = compilation.cubin()[0] == 0x7f && compilation.cubin()[1] == 'E';
            System.out.println(computeType + " is ELF: " + isElf + ", log: " + compilation.log().strip());
        }
    }
}
