package com.main.core;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads the Rust core into this class loader.
 *
 * <p>The JVM gives one file to one class loader only, and each job has a class loader of its own in
 * a TaskManager. So the library is copied out of the jar into a file of its own, which is deleted
 * as soon as it is loaded: Linux keeps what is mapped.
 *
 * <p>Nothing of this may stand in a static initialiser: Java tells the cause of a failure there
 * only once.
 */
public final class NativeLibrary {
    /** Names a library file to load as it stands, instead of the jar's: a system property. */
    static final String PATH_PROPERTY = "session.native.path";

    static final String FILE_NAME = "libsession_core.so";

    private static final Logger LOG = LoggerFactory.getLogger(NativeLibrary.class);

    private static final int ABI_VERSION = 2;

    private static final String OTHER_JAR = "build the jar anew and submit it again";
    private static final String OTHER_FOLDER = "name another folder with --native-tmp";
    private static final String OTHER_PATH =
            "name another file with -D" + PATH_PROPERTY + ", or leave it out";

    private static boolean loaded;
    private static SessionCoreException refusal;

    /**
     * Loads the library, unless this class loader has it.
     *
     * <p>A library of another build stays refused: it cannot be taken out of the class loader. Any
     * other failure is looked into again by the next call, for Flink keeps the class loader when it
     * restarts a job, and a full disk may have room by then.
     *
     * @param nativeTmp folder for the library's short-lived copy; null for the JVM's own
     */
    static synchronized void load(String nativeTmp) {
        if (loaded) {
            return;
        }
        if (refusal != null) {
            throw new SessionCoreException(refusal.getMessage(), refusal);
        }
        String path = System.getProperty(PATH_PROPERTY);
        if (path != null) {
            linkNamedFile(path);
        } else {
            linkCopyFromJar(nativeTmp);
        }
        loaded = true;
    }

    /**
     * Whether the core can be loaded on this machine, for a client that submits: it may be of
     * another kind than the TaskManagers.
     *
     * @param nativeTmp as for the TaskManagers
     * @return the failure in a sentence; empty where all is well
     */
    public static Optional<String> probe(String nativeTmp) {
        try {
            load(nativeTmp);
            return Optional.empty();
        } catch (SessionCoreException e) {
            return Optional.of(e.getMessage());
        }
    }

    private static void linkNamedFile(String path) {
        File library = new File(path);
        if (!library.isAbsolute() || !library.isFile()) {
            throw failure(
                    "-D"
                            + PATH_PROPERTY
                            + " names "
                            + path
                            + ", which is not the absolute path of a"
                            + " file; "
                            + OTHER_PATH,
                    null);
        }
        link(library, "the library " + path, OTHER_PATH, OTHER_PATH);
    }

    private static void linkCopyFromJar(String nativeTmp) {
        if (Platform.runsOnMusl()) {
            throw failure(
                    "this JVM runs on musl and the library needs glibc; run it in an image with"
                            + " glibc, such as Debian's",
                    null);
        }
        JarResource resource = libraryInJar();
        byte[] library = readFromJar(resource);
        String tmp = nativeTmp != null ? nativeTmp : System.getProperty("java.io.tmpdir");
        Path folder = Paths.get(tmp).toAbsolutePath();
        if (!folder.toFile().isDirectory()) {
            throw failure(
                    "the folder "
                            + folder
                            + " for the library's copy does not exist; make it on"
                            + " every machine that runs the job, or "
                            + OTHER_FOLDER,
                    null);
        }
        try (LibraryCopy copy = LibraryCopy.write(library, folder)) {
            link(copy.file(), "the library " + resource, OTHER_FOLDER, OTHER_JAR);
        } catch (IOException e) {
            throw failure(
                    "the folder "
                            + folder
                            + " takes no copy of the library ("
                            + reason(e)
                            + "); make it writable, with room for "
                            + library.length
                            + " bytes, or "
                            + OTHER_FOLDER,
                    e);
        }
    }

    private static JarResource libraryInJar() {
        Optional<Platform> platform = Platform.current();
        Optional<JarResource> resource =
                platform.flatMap(supported -> JarResource.find(supported.resource()));
        if (resource.isPresent()) {
            return resource.get();
        }
        List<Platform> inJar = Platform.inJar();
        if (inJar.isEmpty()) {
            throw failure(
                    "this jar was built without the library; build it with mvn package, and submit"
                            + " that",
                    null);
        }
        String cure =
                platform.isPresent()
                        ? "build the jar with -Dnative.targets=all"
                        : "run the job on such a machine";
        throw failure(
                "this jar holds the library for "
                        + inJar
                        + " and this JVM runs on "
                        + Platform.describeCurrent()
                        + "; "
                        + cure,
                null);
    }

    private static byte[] readFromJar(JarResource resource) {
        try {
            return resource.read();
        } catch (IOException e) {
            throw failure(
                    resource
                            + " cannot be read ("
                            + reason(e)
                            + "): the jar is damaged; "
                            + OTHER_JAR,
                    e);
        }
    }

    /**
     * Links a file and makes sure that it is the core these classes were built with.
     *
     * @param name what to call the library in a failure
     * @param otherPlace the cure where its folder is at fault
     * @param otherLibrary the cure where the library itself is at fault
     */
    private static void link(File file, String name, String otherPlace, String otherLibrary) {
        Optional<String> fault = elfFault(file, name, otherLibrary);
        if (fault.isPresent()) {
            throw failure(name + " " + fault.get() + "; " + otherLibrary, null);
        }
        try {
            System.load(file.getPath());
        } catch (UnsatisfiedLinkError e) {
            throw failure(LinkFailure.explain(e, file, name, otherPlace), e);
        }
        try {
            String buildId = checkBuild(name, otherLibrary);
            ClassLoader loader = NativeLibrary.class.getClassLoader();
            // The loader's text, not the loader: an appender may keep what it is given.
            LOG.info(
                    "Loaded the session core, build {}, ABI version {}, for {} through {} into {}",
                    buildId,
                    ABI_VERSION,
                    Platform.describeCurrent(),
                    file,
                    String.valueOf(loader));
        } catch (SessionCoreException e) {
            refusal = e;
            throw e;
        }
    }

    private static Optional<String> elfFault(File file, String name, String otherLibrary) {
        try {
            Optional<Platform> platform = Platform.current();
            return platform.isPresent()
                    ? ElfHeader.fault(file, platform.get())
                    : Optional.empty(); // A named file of another system: its linker judges it.
        } catch (IOException e) {
            throw failure(name + " cannot be read (" + reason(e) + "); " + otherLibrary, e);
        }
    }

    /** Fails where the library is of another build than these classes; gives its build id. */
    private static String checkBuild(String name, String otherLibrary) {
        String buildId;
        try {
            // First of all: under another version, any other function may have other types.
            checkAbiVersion(SessionCore.abiVersion(), name, otherLibrary);
            buildId = SessionCore.buildId();
        } catch (UnsatisfiedLinkError e) {
            throw failure(name + " is not the session core; " + otherLibrary, e);
        }
        Optional<JarResource> resource = JarResource.find(NativeBuild.ID_RESOURCE);
        if (!resource.isPresent()) {
            LOG.debug("No {} beside the classes: any build is taken", NativeBuild.ID_RESOURCE);
            return buildId;
        }
        String wanted = new String(readFromJar(resource.get()), StandardCharsets.US_ASCII).trim();
        if (!wanted.equals(buildId)) {
            throw failure(
                    name
                            + " is of build "
                            + buildId
                            + " and the classes of this jar are of build "
                            + wanted
                            + "; "
                            + otherLibrary,
                    null);
        }
        return buildId;
    }

    private static void checkAbiVersion(int abiVersion, String name, String otherLibrary) {
        if (abiVersion != ABI_VERSION) {
            throw failure(
                    name
                            + " has ABI version "
                            + abiVersion
                            + " and the classes of this jar need "
                            + ABI_VERSION
                            + "; "
                            + otherLibrary,
                    null);
        }
    }

    private static SessionCoreException failure(String sentence, Throwable cause) {
        return new SessionCoreException("the session core cannot be loaded: " + sentence, cause);
    }

    /** The system's own word; a file exception's message is the path alone where it has none. */
    private static String reason(IOException e) {
        if (e instanceof AccessDeniedException) {
            return "Permission denied";
        }
        if (e instanceof FileSystemException) {
            String reason = ((FileSystemException) e).getReason();
            return reason != null ? reason : e.getClass().getSimpleName();
        }
        return String.valueOf(e.getMessage());
    }

    private NativeLibrary() {}
}
