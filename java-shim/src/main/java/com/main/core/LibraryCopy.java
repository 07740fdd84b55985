package com.main.core;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A copy of the library on disk, there only while it is linked.
 *
 * <p>It has a folder of its own that nobody else may enter: no other user can put another file in
 * its place, and no two class loaders ever ask for the same path.
 */
final class LibraryCopy implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LibraryCopy.class);

    private final Path folder;
    private final Path file;

    private LibraryCopy(Path folder) {
        this.folder = folder;
        this.file = folder.resolve(NativeLibrary.FILE_NAME);
    }

    static LibraryCopy write(byte[] library, Path parent) throws IOException {
        LibraryCopy copy = new LibraryCopy(Files.createTempDirectory(parent, "session-core-"));
        try {
            copy.fill(library);
            return copy;
        } catch (IOException | RuntimeException | Error e) {
            copy.close();
            throw e;
        }
    }

    File file() {
        return file.toFile();
    }

    /** A file that stays is a nuisance, not a reason to fail the job: it is logged. */
    @Override
    public void close() {
        delete(file);
        delete(folder);
    }

    private void fill(byte[] library) throws IOException {
        // A plain stream: Flink interrupts the threads of tasks, which closes a channel.
        try (OutputStream out = new FileOutputStream(file())) {
            out.write(library);
        }
        long written = file().length();
        if (written != library.length) {
            throw new IOException("only " + written + " bytes of " + library.length + " arrived");
        }
        // The linker does not need it; it tells a folder that is mounted noexec from others.
        file().setExecutable(true, true);
    }

    private static void delete(Path path) {
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            LOG.warn("{} could not be deleted and stays", path, e);
        }
    }
}
