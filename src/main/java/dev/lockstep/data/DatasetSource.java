package dev.lockstep.data;

import dev.lockstep.InvalidInputException;
import dev.lockstep.device.Device;
import java.util.Optional;

/** Where a data set comes from: a job's {@code data.train} or {@code data.test}. */
public interface DatasetSource {
    /**
     * Sizes, told by headers alone where there are any, so that a job can be checked before anything big is allocated.
     *
     * @throws InvalidInputException naming the file and what is wrong with it
     */
    DatasetInfo info();

    /** As below, everything in the device's memory. */
    default Dataset load(Device device) {
        return load(device, false);
    }

    /**
     * Decodes everything into memory of {@code device}, once.
     *
     * @param featuresOnHost keeps the features, which are nearly all of it, on the host's side of the bus
     * @throws InvalidInputException naming the file and what is wrong with it; what {@link #info} finds, is found
     *                               before anything is allocated
     * @throws dev.lockstep.device.OutOfDeviceMemoryException if the device has less than
     *                               {@link DatasetInfo#residentBytes} to give
     */
    Dataset load(Device device, boolean featuresOnHost);

    /** How columns become features; empty where features are what a file holds. As {@link #info}, it may read all of it. */
    default Optional<CsvEncoding> encoding() {
        return Optional.empty();
    }

    /** What it is, for messages. */
    String description();
}
