package com.main.core;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * What the jar says of the libraries it holds.
 *
 * <p>Nothing of SLF4J is named in this class: with {@code java -jar} it is missing.
 */
public final class NativeBuild {
    static final String ID_RESOURCE = "/native/build-id.txt";
    private static final String PLATFORMS_RESOURCE = "/native/platforms.txt";

    /** The build id, and the platforms with the glibc that each needs, for people to read. */
    public static String describe() throws IOException {
        return line(ID_RESOURCE, "of no build") + " for " + line(PLATFORMS_RESOURCE, "no platform");
    }

    private static String line(String name, String without) throws IOException {
        Optional<JarResource> resource = JarResource.find(name);
        return resource.isPresent()
                ? new String(resource.get().read(), StandardCharsets.US_ASCII).trim()
                : without;
    }

    private NativeBuild() {}
}
