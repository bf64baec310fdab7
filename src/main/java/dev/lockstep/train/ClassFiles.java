package dev.lockstep.train;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The compiled code of a class and of the classes that it refers to, for comparison between ranks. */
final class ClassFiles {
    /** What every rank has with its Java and with this program. */
    private static final List<String> SHARED = List.of("java/", "javax/", "jdk/", "sun/", "dev/lockstep/");

    private ClassFiles() {
    }

    /** Of the class of this name and all that it uses, wherever on the class path they are; no other files count. */
    static String sha256(String className) {
        Map<String, String> hashes = new TreeMap<>();
        Deque<String> open = new ArrayDeque<>(List.of(className.replace('.', '/')));
        ClassLoader loader = Thread.currentThread().getContextClassLoader();
        while (!open.isEmpty()) {
            String name = open.pop();
            try (InputStream in = hashes.containsKey(name) ? null : loader.getResourceAsStream(name + ".class")) {
                if (in != null) {
                    byte[] classFile = in.readAllBytes();
                    hashes.put(name, StartupAgreement.sha256(classFile));
                    references(classFile).stream().filter(other -> SHARED.stream().noneMatch(other::startsWith))
                            .forEach(open::push);
                }
            } catch (IOException e) {
                throw new UncheckedIOException("reading the class " + name, e);
            }
        }
        return hashes.toString();
    }

    /** Names of classes and arrays in the constant pool of a class file, as {@code java/lang/String}. */
    private static List<String> references(byte[] classFile) throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(classFile));
        in.skipNBytes(8); // magic and version
        int count = in.readUnsignedShort();
        String[] texts = new String[count];
        List<Integer> classes = new ArrayList<>();
        for (int i = 1; i < count; i++) {
            int tag = in.readUnsignedByte();
            switch (tag) {
                case 1 -> texts[i] = in.readUTF();
                case 7 -> classes.add(in.readUnsignedShort());
                case 8, 16, 19, 20 -> in.skipNBytes(2);
                case 15 -> in.skipNBytes(3);
                case 3, 4, 9, 10, 11, 12, 17, 18 -> in.skipNBytes(4);
                case 5, 6 -> {
                    in.skipNBytes(8);
                    i++; // a long and a double take two entries
                }
                default -> throw new IOException("constant " + i + " has the tag " + tag);
            }
        }
        return classes.stream().map(index -> texts[index]).toList();
    }
}
