package com.main.core;

import java.io.DataInputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;

/**
 * What the first bytes of a library tell.
 *
 * <p>They are asked before the system's linker is: it maps a file that was cut off without a word,
 * and the first access past the end kills the whole JVM (SIGBUS).
 */
final class ElfHeader {
    private static final int LENGTH = 64;
    private static final int MAGIC = 0x464C457F;
    private static final int MACHINE_OFFSET = 18;
    private static final int SECTION_TABLE_OFFSET = 40;
    private static final int SECTION_ENTRY_LENGTH_OFFSET = 58;
    private static final int SECTION_COUNT_OFFSET = 60;

    /** What is wrong with a library, to stand behind its name; empty where it may be linked. */
    static Optional<String> fault(File library, Platform platform) throws IOException {
        long length = library.length();
        if (length < LENGTH) {
            return Optional.of("is no library or cut off: it has " + length + " bytes");
        }
        ByteBuffer header = read(library);
        if (header.getInt(0) != MAGIC) {
            return Optional.of("is damaged: it does not start as an ELF file does");
        }
        int machine = unsigned(header, MACHINE_OFFSET);
        if (machine != platform.elfMachine()) {
            return Optional.of(
                    "is built for " + Platform.nameOf(machine) + ", this JVM runs on " + platform);
        }
        // The section table stands last in the file.
        long wanted =
                header.getLong(SECTION_TABLE_OFFSET)
                        + (long) unsigned(header, SECTION_ENTRY_LENGTH_OFFSET)
                                * unsigned(header, SECTION_COUNT_OFFSET);
        if (length < wanted) {
            return Optional.of("is cut off: it has " + length + " of " + wanted + " bytes");
        }
        return Optional.empty();
    }

    private static ByteBuffer read(File library) throws IOException {
        byte[] bytes = new byte[LENGTH];
        try (DataInputStream in = new DataInputStream(new FileInputStream(library))) {
            in.readFully(bytes);
        }
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static int unsigned(ByteBuffer header, int offset) {
        return header.getShort(offset) & 0xFFFF;
    }

    private ElfHeader() {}
}
