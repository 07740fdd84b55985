package com.main.core;

import java.io.BufferedReader;
import java.io.FileReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A kind of machine that the core is built for. */
enum Platform {
    LINUX_X86_64("linux-x86_64", 62),
    LINUX_AARCH_64("linux-aarch_64", 183);

    private final String folder;
    private final int elfMachine;

    Platform(String folder, int elfMachine) {
        this.folder = folder;
        this.elfMachine = elfMachine;
    }

    /** What this JVM runs on; empty where the core is not built for it. */
    static Optional<Platform> current() {
        if (!"Linux".equals(System.getProperty("os.name"))) {
            return Optional.empty();
        }
        switch (System.getProperty("os.arch")) {
            case "amd64":
            case "x86_64":
                return Optional.of(LINUX_X86_64);
            case "aarch64":
            case "arm64":
                return Optional.of(LINUX_AARCH_64);
            default:
                return Optional.empty();
        }
    }

    /** What this JVM runs on, in the words of the jar where it knows the platform. */
    static String describeCurrent() {
        return current()
                .map(Platform::toString)
                .orElseGet(
                        () -> System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    }

    /**
     * Whether this JVM's C library is musl.
     *
     * <p>What is mapped tells it; musl's files may well lie on a machine whose JVM uses glibc.
     */
    static boolean runsOnMusl() {
        try (BufferedReader maps = new BufferedReader(new FileReader("/proc/self/maps"))) {
            return namesMusl(maps);
        } catch (IOException e) {
            return false; // Not a Linux, or a closed one: the linker will judge.
        }
    }

    /** Whether a list of mapped files names musl's loader. */
    static boolean namesMusl(BufferedReader maps) throws IOException {
        for (String line = maps.readLine(); line != null; line = maps.readLine()) {
            if (line.contains("/ld-musl-")) {
                return true;
            }
        }
        return false;
    }

    /** The platforms that the jar has a library for. */
    static List<Platform> inJar() {
        List<Platform> found = new ArrayList<>();
        for (Platform platform : values()) {
            if (JarResource.find(platform.resource()).isPresent()) {
                found.add(platform);
            }
        }
        return found;
    }

    /** A machine number of an ELF header in words. */
    static String nameOf(int elfMachine) {
        for (Platform platform : values()) {
            if (platform.elfMachine == elfMachine) {
                return platform.folder;
            }
        }
        return "machine number " + elfMachine;
    }

    /** Where the jar holds the library. */
    String resource() {
        return "/native/" + folder + "/" + NativeLibrary.FILE_NAME;
    }

    /** The number of this machine in an ELF header. */
    int elfMachine() {
        return elfMachine;
    }

    @Override
    public String toString() {
        return folder;
    }
}
