package com.main.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibraryCopyTest {
    private static final byte[] CONTENT = {1, 2, 3};

    @TempDir private Path parent;

    @Test
    void theCopyIsWholeAndNobodyElseMayEnterItsFolder() throws Exception {
        try (LibraryCopy copy = LibraryCopy.write(CONTENT, parent)) {
            Path file = copy.file().toPath();
            assertThat(file).isAbsolute().hasBinaryContent(CONTENT);
            assertThat(Files.getPosixFilePermissions(file.getParent()))
                    .isEqualTo(PosixFilePermissions.fromString("rwx------"));
        }
        assertThat(parent).isEmptyDirectory();
    }

    @Test
    void twoCopiesNeverShareAPath() throws Exception {
        try (LibraryCopy one = LibraryCopy.write(CONTENT, parent);
                LibraryCopy other = LibraryCopy.write(CONTENT, parent)) {
            assertThat(one.file()).isNotEqualTo(other.file());
        }
        assertThat(parent).isEmptyDirectory();
    }

    @Test
    void aFileThatIsGoneAlreadyIsNoFailure() throws Exception {
        LibraryCopy copy = LibraryCopy.write(CONTENT, parent);
        Files.delete(copy.file().toPath());

        copy.close();

        assertThat(parent).isEmptyDirectory();
    }
}
