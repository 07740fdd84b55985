package com.main.core;

import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.jar.JarOutputStream;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;

/** A jar of this package's classes, with a library of the test's choice in the first place. */
final class CoreJar {
    static final Platform PLATFORM =
            Platform.current().orElseThrow(() -> new AssertionError("the tests need Linux"));

    private static final String BUILD_ID = "native/build-id.txt";

    private final Map<String, byte[]> entries = new LinkedHashMap<>();

    /** The classes and the library of this build, without a build id: any library is taken. */
    static CoreJar ofThisBuild() throws IOException {
        CoreJar jar = new CoreJar().withLibrary(PLATFORM, library());
        Path classes = codeSource(NativeLibrary.class).resolve("com/main/core");
        for (File file : classes.toFile().listFiles()) {
            jar.entries.put("com/main/core/" + file.getName(), Files.readAllBytes(file.toPath()));
        }
        return jar;
    }

    /** The library that this build has made. */
    static byte[] library() throws IOException {
        return JarResource.find(PLATFORM.resource())
                .orElseThrow(() -> new AssertionError("no library in the build's classes"))
                .read();
    }

    /** The folder or jar that a class comes from. */
    static Path codeSource(Class<?> type) {
        try {
            return Paths.get(type.getProtectionDomain().getCodeSource().getLocation().toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    CoreJar withLibrary(byte[] library) {
        return withLibrary(PLATFORM, library);
    }

    CoreJar withLibrary(Platform platform, byte[] library) {
        entries.put(entryName(platform), library);
        return this;
    }

    CoreJar withoutLibrary() {
        entries.remove(entryName(PLATFORM));
        return this;
    }

    CoreJar withBuildId(String buildId) {
        entries.put(BUILD_ID, (buildId + "\n").getBytes(StandardCharsets.US_ASCII));
        return this;
    }

    CoreJar withClass(String name, byte[] content) {
        entries.put("com/main/core/" + name + ".class", content);
        return this;
    }

    Path writeTo(Path folder) throws IOException {
        Path jar = Files.createTempFile(folder, "job", ".jar");
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
            out.setLevel(Deflater.NO_COMPRESSION);
            for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
                out.putNextEntry(new ZipEntry(entry.getKey()));
                out.write(entry.getValue());
            }
        }
        return jar;
    }

    private static String entryName(Platform platform) {
        return platform.resource().substring(1);
    }
}
