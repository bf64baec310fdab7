package dev.lockstep.device.cuda;

/**
 * A GPU that this process may use.
 *
 * @param ordinal           CUDA's number for it, in this process: CUDA_VISIBLE_DEVICES chooses and orders
 * @param name              {@code "NVIDIA H200"}
 * @param uuid              {@code "GPU-3f0b…"}: the same for every process of the machine
 * @param pciBusId          {@code "0000:3b:00.0"}, as under /sys/bus/pci/devices
 * @param numaNode          of the memory and cores beside it; −1 where the machine has only one or does not say
 * @param computeCapability ten times major plus minor: 90
 * @param multiprocessors   that it has
 */
public record CudaDeviceInfo(int ordinal, String name, String uuid, String pciBusId, int numaNode,
        int computeCapability, int multiprocessors) {
    /** In messages: {@code "GPU 0 (NVIDIA H200, 0000:3b:00.0)"}. */
    public String label() {
        return "GPU " + ordinal + " (" + name + ", " + pciBusId + ")";
    }
}
