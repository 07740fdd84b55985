package com.main.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The linker's texts are glibc's, word for word; a machine that is too old cannot be had here. */
class LinkFailureTest {
    @TempDir private Path folder;

    @Test
    void aNewerGlibcIsNamedWithTheOneThatIsThere() throws Exception {
        Path libc = folder.resolve("libc.so.6");
        String banner =
                "\0\1GNU C Library (GNU libc) stable release version 2.17, by Roland McGrath\n";
        Files.write(libc, banner.getBytes(StandardCharsets.ISO_8859_1));

        assertThat(
                        explain(
                                "/tmp/x/libsession_core.so: "
                                        + libc
                                        + ": version `GLIBC_2.34' not found (required by"
                                        + " /tmp/x/libsession_core.so)"))
                .isEqualTo(
                        "the library needs glibc 2.34 or newer and this machine has 2.17; take a"
                                + " jar that was built for glibc 2.17, or run on a newer system");
    }

    @Test
    void theGlibcOfThisMachineIsReadFromItsOwnFile() throws Exception {
        Path libc = mappedLibc();

        assertThat(explain(libc + ": version `GLIBC_9.99' not found (required by x.so)"))
                .matches(
                        "the library needs glibc 9\\.99 or newer and this machine has 2\\.\\d+;.*");
    }

    @Test
    void aVersionThatCannotBeReadLeavesTheNeedStanding() {
        assertThat(explain("/there/is/no/libm.so.6: version `GLIBC_2.29' not found"))
                .startsWith("the library needs glibc 2.29 or newer and this machine has another");
    }

    @Test
    void aLibraryThatItNeedsIsNamed() {
        assertThat(
                        explain(
                                "/tmp/x/libsession_core.so: libgcc_s.so.1: cannot open shared"
                                        + " object file: No such file or directory"))
                .isEqualTo(
                        "the library needs libgcc_s.so.1, which this machine does not have;"
                                + " install it there");
    }

    private static Path mappedLibc() throws Exception {
        for (String line : Files.readAllLines(new File("/proc/self/maps").toPath())) {
            if (line.endsWith("/libc.so.6")) {
                return new File(line.substring(line.indexOf('/'))).toPath();
            }
        }
        throw new AssertionError("this JVM maps no libc.so.6");
    }

    private String explain(String linkerText) {
        File library = folder.resolve(NativeLibrary.FILE_NAME).toFile();
        return LinkFailure.explain(
                new UnsatisfiedLinkError(linkerText), library, "the library", "cure");
    }
}
