package com.main.core;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.util.Optional;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;

/**
 * A file of the jar that these classes come from.
 *
 * <p>It is read past the JVM's cache of open jars: all class loaders share that one, and a job that
 * ends closes the jar under the next one's read.
 */
final class JarResource {
    private final URL url;

    private JarResource(URL url) {
        this.url = url;
    }

    static Optional<JarResource> find(String name) {
        return Optional.ofNullable(JarResource.class.getResource(name)).map(JarResource::new);
    }

    /** The whole content, compared with the length and the checksum that the jar has for it. */
    byte[] read() throws IOException {
        URLConnection connection = url.openConnection();
        connection.setUseCaches(false);
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        try (CheckedInputStream in =
                new CheckedInputStream(connection.getInputStream(), new CRC32())) {
            byte[] chunk = new byte[64 * 1024];
            for (int read = in.read(chunk); read >= 0; read = in.read(chunk)) {
                content.write(chunk, 0, read);
            }
            long wanted = connection.getContentLengthLong();
            if (wanted >= 0 && content.size() != wanted) {
                throw new EOFException(content.size() + " of " + wanted + " bytes are there");
            }
            if (connection instanceof JarURLConnection) {
                long checksum = ((JarURLConnection) connection).getJarEntry().getCrc();
                if (checksum >= 0 && checksum != in.getChecksum().getValue()) {
                    throw new IOException("its checksum is another than the jar says");
                }
            }
        }
        return content.toByteArray();
    }

    @Override
    public String toString() {
        return url.toString();
    }
}
