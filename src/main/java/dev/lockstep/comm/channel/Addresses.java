package dev.lockstep.comm.channel;

import java.net.InetAddress;
import java.net.InterfaceAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** Under which addresses rank 0's machine can be reached, and which of them to try first. */
final class Addresses {
    /** Where Open MPI is told which interfaces to take: names, or networks as 10.0.0.0/8. */
    private static final List<String> MPI_SETTINGS = List.of("OMPI_MCA_btl_tcp_if_include", "OMPI_MCA_oob_tcp_if_include");

    private Addresses() {
    }

    /** An address of this machine. */
    record Own(String interfaceName, InetAddress address, int prefixBits) {
        /** Whether {@code other} lies in the same network. */
        boolean isNear(InetAddress other) {
            return samePrefix(address.getAddress(), other.getAddress(), prefixBits);
        }
    }

    /** Those of interfaces that are up, but for loopback and link-local ones. */
    static List<Own> ofThisMachine() throws SocketException {
        List<Own> addresses = new ArrayList<>();
        for (NetworkInterface network : NetworkInterface.networkInterfaces().toList()) {
            if (network.isUp() && !network.isLoopback()) {
                for (InterfaceAddress address : network.getInterfaceAddresses()) {
                    if (!address.getAddress().isLinkLocalAddress()) {
                        addresses.add(new Own(network.getName(), address.getAddress(), address.getNetworkPrefixLength()));
                    }
                }
            }
        }
        return addresses;
    }

    /** Those that MPI is told to use come first, then IPv4. */
    static List<InetAddress> inOrderOfMpi(List<Own> addresses, Map<String, String> environment) {
        List<String> wanted = MPI_SETTINGS.stream()
                .flatMap(setting -> Arrays.stream(environment.getOrDefault(setting, "").split("[,;]")))
                .map(String::strip).filter(text -> !text.isEmpty()).toList();
        return addresses.stream()
                .sorted(Comparator.comparing((Own own) -> wanted.stream().noneMatch(text -> matches(own, text)))
                        .thenComparing(own -> own.address.getAddress().length))
                .map(Own::address).toList();
    }

    private static boolean matches(Own own, String text) {
        String[] network = text.split("/", 2);
        if (network.length < 2) {
            return text.equals(own.interfaceName);
        }
        try {
            // Numbers alone: a name would be looked up, which can take long.
            return network[0].matches("[0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
                    && samePrefix(own.address.getAddress(), InetAddress.getByName(network[0]).getAddress(),
                            Integer.parseInt(network[1]));
        } catch (UnknownHostException | NumberFormatException e) {
            return false;
        }
    }

    /**
     * The same, in the order in which another machine is to try them: first those in a network of its own, last those that
     * it has itself, as machines with the same private network inside have.
     */
    static List<InetAddress> nearestFirst(List<InetAddress> offered, List<Own> own) {
        return offered.stream().sorted(Comparator.comparingInt(address ->
                own.stream().anyMatch(mine -> mine.address.equals(address)) ? 2
                        : own.stream().anyMatch(mine -> mine.isNear(address)) ? 0 : 1)).toList();
    }

    private static boolean samePrefix(byte[] a, byte[] b, int bits) {
        if (a.length != b.length || bits < 0 || bits > a.length * Byte.SIZE) {
            return false;
        }
        for (int i = 0; i < bits; i++) {
            int mask = 0x80 >> i % Byte.SIZE;
            if ((a[i / Byte.SIZE] & mask) != (b[i / Byte.SIZE] & mask)) {
                return false;
            }
        }
        return true;
    }
}
