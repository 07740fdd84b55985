package com.main.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.StringReader;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PlatformTest {
    private final String name = System.getProperty("os.name");
    private final String arch = System.getProperty("os.arch");

    @AfterEach
    void ownMachineAgain() {
        on(name, arch);
    }

    @Test
    void theNamesThatJvmsHaveForAMachineAreOne() {
        assertThat(on("Linux", "amd64")).contains(Platform.LINUX_X86_64);
        assertThat(on("Linux", "x86_64")).contains(Platform.LINUX_X86_64);
        assertThat(on("Linux", "aarch64")).contains(Platform.LINUX_AARCH_64);
        assertThat(on("Linux", "arm64")).contains(Platform.LINUX_AARCH_64);
        assertThat(on("Linux", "x86")).isEmpty();
        assertThat(on("Mac OS X", "aarch64")).isEmpty();
    }

    @Test
    void muslIsToldByItsMappedLoaderAndNotByItsLookalikes() throws IOException {
        assertThat(namesMusl("7f0 r-xp 08:01 42 /lib/ld-musl-x86_64.so.1")).isTrue();
        assertThat(namesMusl("7f0 r-xp 08:01 42 /lib/x86_64-linux-gnu/libc.so.6")).isFalse();
        assertThat(Platform.runsOnMusl()).as("this JVM").isFalse();
    }

    private static Optional<Platform> on(String name, String arch) {
        System.setProperty("os.name", name);
        System.setProperty("os.arch", arch);
        return Platform.current();
    }

    private static boolean namesMusl(String line) throws IOException {
        String maps = "55e r--p 08:01 7 /usr/bin/java\n" + line + "\n";
        return Platform.namesMusl(new BufferedReader(new StringReader(maps)));
    }
}
