package dev.lockstep.comm.channel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.comm.channel.Addresses.Own;
import java.net.InetAddress;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AddressesTest {
    private final List<Own> machine = List.of(own("ib6", "fd00::1", 64), own("docker0", "172.17.0.1", 16),
            own("eth0", "192.168.1.5", 24), own("ib0", "10.1.2.3", 8));

    @Test
    void shouldOfferFirstWhatMpiIsToldToUse() {
        assertEquals(addresses("172.17.0.1", "192.168.1.5", "10.1.2.3", "fd00::1"), ordered(Map.of()));
        assertEquals(addresses("10.1.2.3", "172.17.0.1", "192.168.1.5", "fd00::1"),
                ordered(Map.of("OMPI_MCA_btl_tcp_if_include", "lo, ib0")));
        assertEquals(addresses("192.168.1.5", "172.17.0.1", "10.1.2.3", "fd00::1"),
                ordered(Map.of("OMPI_MCA_oob_tcp_if_include", "192.168.0.0/16")));
        assertEquals(addresses("fd00::1", "172.17.0.1", "192.168.1.5", "10.1.2.3"),
                ordered(Map.of("OMPI_MCA_btl_tcp_if_include", "fd00::/8")));
    }

    @Test
    void shouldIgnoreSettingsThatAreNoNetworks() {
        assertEquals(addresses("172.17.0.1", "192.168.1.5", "10.1.2.3", "fd00::1"),
                ordered(Map.of("OMPI_MCA_btl_tcp_if_include", "head.example.org/8,10.0.0.0/x,10.0.0.0/99,1.2.3/8/4")));
    }

    @Test
    void shouldTryOwnNetworksFirstAndOwnAddressesLast() {
        List<Own> other = List.of(own("docker0", "172.17.0.1", 16), own("eth0", "192.168.1.77", 24));
        assertEquals(addresses("192.168.1.5", "10.1.2.3", "fd00::1", "172.17.0.1"),
                Addresses.nearestFirst(addresses("172.17.0.1", "192.168.1.5", "10.1.2.3", "fd00::1"), other));
    }

    @Test
    void shouldCompareNetworksBitByBit() {
        assertTrue(own("eth0", "10.0.0.1", 23).isNear(address("10.0.1.255")));
        assertFalse(own("eth0", "10.0.0.1", 24).isNear(address("10.0.1.255")));
        assertFalse(own("eth0", "10.0.0.1", 0).isNear(address("fd00::1")));
    }

    @Test
    void shouldFindNoLoopbackOnThisMachine() throws SocketException {
        for (Own own : Addresses.ofThisMachine()) {
            assertFalse(own.address().isLoopbackAddress(), own::toString);
        }
    }

    private List<InetAddress> ordered(Map<String, String> environment) {
        return Addresses.inOrderOfMpi(machine, environment);
    }

    private static Own own(String name, String address, int prefixBits) {
        return new Own(name, address(address), prefixBits);
    }

    private static List<InetAddress> addresses(String... texts) {
        List<InetAddress> addresses = new ArrayList<>();
        for (String text : texts) {
            addresses.add(address(text));
        }
        return addresses;
    }

    private static InetAddress address(String text) {
        try {
            return InetAddress.getByName(text);
        } catch (UnknownHostException e) {
            throw new AssertionError(e);
        }
    }
}
