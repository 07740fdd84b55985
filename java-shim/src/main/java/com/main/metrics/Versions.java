package com.main.metrics;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/**
 * The versions that the build wrote into the jar.
 *
 * <p>Nothing of Flink is named in this class: with {@code java -jar} it is missing.
 */
public final class Versions {
    private static final String RESOURCE = "/com/main/versions.properties";

    /** By name: {@code job}, and of what it was built with. */
    public static Properties read() {
        Properties versions = new Properties();
        try (InputStream in = Versions.class.getResourceAsStream(RESOURCE)) {
            versions.load(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return versions;
    }

    private Versions() {}
}
