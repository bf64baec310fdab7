package dev.lockstep.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.device.cuda.CudaDeviceInfo;
import dev.lockstep.device.cuda.CudaDevices;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class CudaReportTest {
    @Test
    void shouldNameWhatItTellsOfAGpuAsTheRestOfTheFileIsNamed() {
        CudaDeviceInfo gpu = new CudaDeviceInfo(1, "NVIDIA Test", "GPU-7", "0000:3b:00.0", -1, 103, 132);
        CudaDevices.Probe probe = new CudaDevices.Probe(List.of(), Optional.empty(), List.of(gpu), Optional.empty());
        assertEquals(List.of(Map.of("ordinal", 1, "name", "NVIDIA Test", "uuid", "GPU-7", "pci_bus_id", "0000:3b:00.0",
                "numa_node", -1, "compute_capability", "10.3", "multiprocessors", 132)),
                CudaReport.toMap(probe).get("gpus"));
    }
}
