package dev.lockstep.comm.channel;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;

/** What each rank tells the others over MPI before the channel is there: its host, and rank 0 where and how to join. */
record Invitation(String host, byte[] token, int port, List<InetAddress> addresses) {
    /** Of a rank that others do not connect to. */
    static Invitation none(String host) {
        return new Invitation(host, new byte[0], 0, List.of());
    }

    byte[] toBytes() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(bytes)) {
            out.writeUTF(host);
            write(out, token);
            out.writeInt(port);
            out.writeInt(addresses.size());
            for (InetAddress address : addresses) {
                write(out, address.getAddress());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    private static void write(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    /** @param bytes of another rank's {@link #toBytes} */
    static Invitation of(byte[] bytes) {
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
            String host = in.readUTF();
            byte[] token = in.readNBytes(in.readInt());
            int port = in.readInt();
            List<InetAddress> addresses = new ArrayList<>();
            for (int left = in.readInt(); left > 0; left--) {
                addresses.add(InetAddress.getByAddress(in.readNBytes(in.readInt())));
            }
            return new Invitation(host, token, port, addresses);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
