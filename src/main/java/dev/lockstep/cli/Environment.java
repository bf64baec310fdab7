package dev.lockstep.cli;

import dev.lockstep.InvalidInputException;
import dev.lockstep.comm.Communicator;
import dev.lockstep.device.cuda.CudaDevices;
import dev.lockstep.job.DeviceChoice;
import dev.lockstep.job.Job;
import dev.lockstep.job.Precision;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a job runs with: versions, MPI, and where each rank runs. Of rank 0's machine, where machines differ.
 *
 * @param mpi         {@code "Open MPI 4.1.4, 2 ranks started by mpirun"}, or why there is none
 * @param devices     of all ranks
 * @param cuda        what was found of CUDA; none where the job does not want it
 * @param placements  of all ranks, by rank
 * @param threads     of all ranks, by rank
 */
record Environment(Program program, Machine machine, String mpi, Devices devices,
        Optional<CudaDevices.Probe> cuda, List<Placement> placements, List<Threads> threads) {

    /**
     * Collective.
     *
     * @param job whose settings count; none for what would be detected
     */
    static Environment detect(Program program, Launch launch, Communicator communicator, Optional<Job> job) {
        Path root = Path.of("/");
        Machine machine = Machine.detect(root);
        List<Placement> placements = Placement
                .of(communicator, machine, Machine.hostName(), System.getenv("OMP_NUM_THREADS")).gather(communicator);
        List<Threads> threads = new ArrayList<>();
        for (int rank = 0; rank < placements.size(); rank++) {
            threads.add(Threads.of(rank, job.map(Job::threads).orElse(OptionalInt.empty()), placements));
        }
        String mpi = launch.mpi()
                ? communicator.description() + ", " + count(communicator.size(), "rank") + " started by "
                        + launch.launcher()
                : "not used: not started by mpirun or srun (built for Open MPI " + program.mpiVersion() + " in "
                        + program.mpiLibraries() + ")";
        DeviceChoice choice = job.map(Job::device).orElse(DeviceChoice.AUTO);
        List<VisibleGpus> visible = choice == DeviceChoice.CPU ? List.of()
                : VisibleGpus.detect(root).gather(communicator);
        Devices devices = job.isPresent()
                ? Devices.choose(choice, job.get().gpuSharing(), job.get().precision(), placements, visible)
                : choose(placements, visible);
        return new Environment(program, machine, mpi, devices,
                choice == DeviceChoice.CPU ? Optional.empty() : Optional.of(CudaDevices.probe()), placements, threads);
    }

    /** As a job without settings would; where it would be refused, that is the reason for no device. */
    private static Devices choose(List<Placement> placements, List<VisibleGpus> visible) {
        try {
            return Devices.choose(DeviceChoice.AUTO, false, Precision.FP32, placements, visible);
        } catch (InvalidInputException e) {
            return new Devices("none", e.getMessage(), List.of(), List.of(), List.of(), List.of());
        }
    }

    /** For environment.json and {@code info --json}. */
    Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("lockstep", ordered("version", program.version(), "commit", program.commit()));
        map.put("java", ordered("version", System.getProperty("java.version"), "vendor",
                System.getProperty("java.vendor"), "vm", System.getProperty("java.vm.name")));
        map.put("system", ordered("os", System.getProperty("os.name"), "kernel", System.getProperty("os.version"),
                "architecture", System.getProperty("os.arch")));
        map.put("cpu", ordered("model", machine.cpuModel(), "instruction_sets", machine.instructionSets(),
                "hardware_threads", machine.onlineCpus()));
        map.put("mpi", mpi);
        map.put("device", ordered("name", devices.name(), "reason", devices.reason()));
        cuda.ifPresent(probe -> map.put("cuda", CudaReport.toMap(probe)));
        List<Map<String, Object>> ranks = new ArrayList<>();
        for (Placement placement : placements) {
            Threads own = threads.get(placement.rank());
            ranks.add(ordered("rank", placement.rank(), "host", placement.host(), "pid", placement.processId(),
                    "local_rank", placement.localRank(), "local_size", placement.localSize(),
                    "cpus", CpuSet.format(placement.cpus()), "bound", placement.bound(),
                    "cores", placement.usableCores(), "device", devices.nameOf(placement.rank()),
                    "threads", own.count(), "threads_reason", own.reason()));
        }
        map.put("ranks", ranks);
        return map;
    }

    static Map<String, Object> ordered(Object... keysAndValues) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            map.put((String) keysAndValues[i], keysAndValues[i + 1]);
        }
        return map;
    }

    void print(PrintWriter out) {
        out.println("lockstep  " + program.version() + " (commit " + program.commit() + ")");
        out.println("java      " + System.getProperty("java.version") + ", " + System.getProperty("java.vm.name") + ", "
                + System.getProperty("java.vendor"));
        out.println("system    " + System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                + System.getProperty("os.arch"));
        out.println("cpu       " + machine.cpuModel() + ", " + count(machine.onlineCpus(), "hardware thread") + "; "
                + String.join(" ", machine.instructionSets()));
        out.println("mpi       " + mpi);
        cuda.ifPresent(probe -> CudaReport.print(probe, out));
        out.println("device    " + devices.name() + " (" + devices.reason() + ")");
        printRanks(out);
    }

    /** A table of one row a rank. */
    void printRanks(PrintWriter out) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("rank", "host", "local", "cpus", "device", "threads", ""));
        for (Placement placement : placements) {
            Threads own = threads.get(placement.rank());
            rows.add(List.of("" + placement.rank(), placement.host(),
                    placement.localRank() + " of " + placement.localSize(),
                    CpuSet.format(placement.cpus()) + (placement.bound() ? " (bound)" : ""),
                    devices.nameOf(placement.rank()), "" + own.count(), own.reason()));
        }
        int columns = rows.get(0).size();
        int[] widths = new int[columns];
        for (List<String> row : rows) {
            for (int i = 0; i < columns; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < columns; i++) {
                line.append(row.get(i)).append(" ".repeat(widths[i] - row.get(i).length() + 2));
            }
            out.println(line.toString().stripTrailing());
        }
        devices.notes().forEach(note -> out.println("note      " + note));
    }

    private static String count(int number, String noun) {
        return number + " " + noun + (number == 1 ? "" : "s");
    }
}
