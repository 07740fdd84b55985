package com.main.core;

import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a refusal of the system's linker means.
 *
 * <p>Its texts come in the machine's language, so only names in them are looked for.
 */
final class LinkFailure {
    private static final Pattern NEWER_GLIBC =
            Pattern.compile("(/\\S*/)lib[a-z_]+\\.so\\.\\d+: .*\\bGLIBC_(\\d+(?:\\.\\d+)+)");
    private static final Pattern GLIBC_BANNER =
            Pattern.compile("GNU C Library .* version (\\d+\\.\\d+)");
    private static final Pattern MISSING_LIBRARY =
            Pattern.compile(": (lib[^/:\\s]+\\.so[^:\\s]*):");
    private static final String OTHER_CLASS_LOADER = "already loaded in another classloader";

    /**
     * The cause and its cure in a sentence.
     *
     * @param library the file that could not be linked; it is still there
     * @param name what to call it
     * @param otherPlace how to have it in another place
     */
    static String explain(
            UnsatisfiedLinkError error, File library, String name, String otherPlace) {
        String text = String.valueOf(error.getMessage());
        Matcher newerGlibc = NEWER_GLIBC.matcher(text);
        if (newerGlibc.find()) {
            return name
                    + " needs glibc "
                    + newerGlibc.group(2)
                    + " or newer and this machine has "
                    + glibcVersion(new File(newerGlibc.group(1), "libc.so.6"))
                    + "; take a jar that was built for glibc 2.17, or run on a newer system";
        }
        Matcher missing = MISSING_LIBRARY.matcher(text);
        if (missing.find()) {
            return name
                    + " needs "
                    + missing.group(1)
                    + ", which this machine does not have; install it there";
        }
        if (text.contains(OTHER_CLASS_LOADER)) {
            return name
                    + " serves another job of this JVM already, and the JVM gives one file to one"
                    + " job only; leave -D"
                    + NativeLibrary.PATH_PROPERTY
                    + " out, and every job takes its own copy from its jar";
        }
        if (!library.canExecute()) {
            return name
                    + " may not be executed in the folder "
                    + library.getParent()
                    + ", which is mounted noexec or closed by the file's permissions ("
                    + text
                    + "); "
                    + otherPlace;
        }
        return name + " was refused by the system (" + text + "); " + otherPlace;
    }

    /** The version that the C library says of itself. */
    private static String glibcVersion(File library) {
        try (BufferedReader lines = open(library)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                Matcher banner = GLIBC_BANNER.matcher(line);
                if (banner.find()) {
                    return banner.group(1);
                }
            }
        } catch (IOException e) {
            return "another (" + e.getMessage() + ")";
        }
        return "another";
    }

    private static BufferedReader open(File library) throws IOException {
        Reader bytes =
                new InputStreamReader(new FileInputStream(library), StandardCharsets.ISO_8859_1);
        return new BufferedReader(bytes);
    }

    private LinkFailure() {}
}
