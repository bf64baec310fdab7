package dev.lockstep.device.cuda;

import static org.bytedeco.cuda.global.cudart.cuModuleGetFunction;
import static org.bytedeco.cuda.global.cudart.cuModuleLoadData;
import static org.bytedeco.cuda.global.cudart.cuModuleUnload;

import java.util.Optional;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.javacpp.BytePointer;

/** The kernels, loaded onto a GPU. */
final class KernelModule {
    private final CudaDevice device;
    private final CUmod_st module = new CUmod_st();

    private KernelModule(CudaDevice device, byte[] cubin) {
        this.device = device;
        device.makeCurrent();
        try (BytePointer image = new BytePointer(cubin)) {
            Cuda.check(cuModuleLoadData(module, image), "cuModuleLoadData");
        }
        device.onClose(() -> cuModuleUnload(module));
    }

    /** The kernels for what {@code device} is and computes in, from {@code cache} if they are there. */
    static KernelModule load(CudaDevice device, KernelCache cache) {
        KernelSource source = KernelSource.forComputeType(device.computeType());
        KernelCompiler compiler = new KernelCompiler(device.computeCapability());
        String key = compiler.key(source);
        Optional<byte[]> cached = cache.find(key);
        if (cached.isPresent()) {
            try {
                return new KernelModule(device, cached.get());
            } catch (CudaException e) {
                // Whatever lies there under this name, it is not ours: compile anew.
                if (e.isDeviceLost()) {
                    throw e;
                }
            }
        }
        byte[] cubin = compiler.compile(source).cubin();
        cache.store(key, cubin);
        return new KernelModule(device, cubin);
    }

    Kernel kernel(String name) {
        CUfunc_st function = new CUfunc_st();
        Cuda.check(cuModuleGetFunction(function, module, name), "cuModuleGetFunction of " + name);
        return new Kernel(device, name, function);
    }
}
