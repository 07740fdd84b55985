package com.main.core;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLConnection;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** Each test loads the library of a jar of its own, through a class loader of its own. */
class NativeLibraryTest {
    private static final int ELF_VERSION_OFFSET = 6;
    private static final int ELF_MACHINE_OFFSET = 18;

    @TempDir private Path jars;
    @TempDir private Path nativeTmp;

    private final List<JobClassLoader> loaders = new ArrayList<>();

    /**
     * A TaskManager logs before it has jobs. Set up from a job's classes, logging keeps that job's
     * class loader: its shutdown thread inherits the rights of the classes that started it.
     */
    @BeforeAll
    static void loggingIsSetUp() {
        LoggerFactory.getLogger(NativeLibraryTest.class).debug("Logging is set up");
    }

    @BeforeEach
    void noNamedLibrary() {
        assertThat(System.getProperty(NativeLibrary.PATH_PROPERTY)).isNull();
    }

    @AfterEach
    void nothingStays() throws IOException {
        System.clearProperty(NativeLibrary.PATH_PROPERTY);
        for (JobClassLoader loader : loaders) {
            loader.close();
        }
        assertThat(nativeTmp).as("no file stays, whatever happened").isEmptyDirectory();
    }

    @Test
    void twoClassLoadersHaveTheLibraryAtOnce() throws Exception {
        Path jar = CoreJar.ofThisBuild().writeTo(jars);
        JobClassLoader one = open(jar);
        JobClassLoader other = open(jar);

        one.load(nativeTmp);
        other.load(nativeTmp);

        assertThat(one.buildId()).isNotEmpty().isEqualTo(other.buildId());
    }

    @Test
    void aClassLoaderLoadsItOnce() throws Exception {
        JobClassLoader loader = open(CoreJar.ofThisBuild());
        loader.load(nativeTmp);
        int reads = loader.connections().size();

        loader.load(nativeTmp.resolve("there-is-no-such-folder"));

        assertThat(reads).isPositive();
        assertThat(loader.connections()).hasSize(reads);
    }

    @Test
    void threadsThatLoadAtTheSameTimeLoadItOnce() throws Exception {
        JobClassLoader loader = open(CoreJar.ofThisBuild());
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            Callable<String> task =
                    () -> {
                        loader.load(nativeTmp);
                        return loader.buildId();
                    };
            List<Callable<String>> tasks = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                tasks.add(task);
            }
            for (Future<String> answer : threads.invokeAll(tasks)) {
                assertThat(answer.get()).isNotEmpty();
            }
        } finally {
            threads.shutdownNow();
        }
        assertThat(loader.connections()).as("reads of the library").hasSize(1);
    }

    @Test
    void aClassLoaderWhoseCoreWasUsedIsCollected() throws Exception {
        byte[] use = classFile(CoreUse.class);
        Path jar = CoreJar.ofThisBuild().withClass(CoreUse.NAME, use).writeTo(jars);
        List<WeakReference<ClassLoader>> released = new ArrayList<>();
        for (int round = 0; round < 20; round++) {
            released.add(loadAndRelease(jar));
            assertThat(nativeTmp).isEmptyDirectory();
        }

        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (held(released) > 0 && System.nanoTime() < deadline) {
            System.gc();
            Thread.sleep(50);
        }
        assertThat(held(released)).as("class loaders that are still held").isZero();
    }

    @Test
    void anInterruptedThreadLoadsItAndStaysInterrupted() throws Exception {
        JobClassLoader loader = open(CoreJar.ofThisBuild());
        boolean interrupted;
        Thread.currentThread().interrupt();
        try {
            loader.load(nativeTmp);
        } finally {
            interrupted = Thread.interrupted();
        }
        assertThat(interrupted).isTrue();
        assertThat(loader.buildId()).isNotEmpty();
    }

    @Test
    void theJarIsReadPastTheCacheOfOpenJars() throws Exception {
        String buildId = buildIdOfThisBuild();
        JobClassLoader loader = open(CoreJar.ofThisBuild().withBuildId(buildId));

        loader.load(nativeTmp);

        assertThat(loader.connections())
                .as("the library and the build id")
                .hasSize(2)
                .noneMatch(URLConnection::getUseCaches);
    }

    @Test
    void anotherReaderOfTheSameJarIsNotCutOff() throws Exception {
        Path jar = CoreJar.ofThisBuild().writeTo(jars);
        URL entry = new URL("jar:" + jar.toUri() + "!" + CoreJar.PLATFORM.resource());
        try (InputStream other = entry.openStream()) {
            int first = other.read();
            JobClassLoader loader = open(jar);
            loader.load(nativeTmp);
            loader.close();

            assertThat(first).isEqualTo(0x7F);
            assertThat(other.read()).isEqualTo('E');
            try (InputStream again = entry.openStream()) {
                assertThat(again.read()).isEqualTo(0x7F);
            }
        }
    }

    @Test
    void theBuildIdOfTheJarIsTheLibrarys() throws Exception {
        String buildId = buildIdOfThisBuild();
        JobClassLoader loader = open(CoreJar.ofThisBuild().withBuildId(buildId));

        loader.load(nativeTmp);

        assertThat(loader.buildId()).isEqualTo(buildId);
    }

    @Test
    void aLibraryOfAnotherBuildIsRefusedForGood() throws Exception {
        String buildId = buildIdOfThisBuild();
        JobClassLoader loader = open(CoreJar.ofThisBuild().withBuildId("0ther"));

        Throwable first = catchThrowable(() -> loader.load(nativeTmp));
        Throwable second = catchThrowable(() -> loader.load(jars));

        assertThat(first)
                .hasMessageContaining("is of build " + buildId)
                .hasMessageContaining("are of build 0ther; build the jar anew");
        assertThat(second).hasMessage(first.getMessage()).cause().isSameAs(first);
        assertThat(loader.connections()).as("the library and the build id, once").hasSize(2);
    }

    @Test
    void aLibraryOfAnotherAbiVersionIsAskedNothingElse() throws Exception {
        // The real library has one version; so the classes are given another one to see.
        byte[] core =
                compile(
                        "SessionCore",
                        "package com.main.core; final class SessionCore {"
                                + " static int abiVersion() { return 3; }"
                                + " static String buildId() { throw new AssertionError(); } }");
        JobClassLoader loader = open(CoreJar.ofThisBuild().withClass("SessionCore", core));

        assertThat(failureOf(loader))
                .hasMessageContaining(
                        "has ABI version 3 and the classes of this jar need 2; build");
    }

    @Test
    void aFailureThatMayPassIsLookedIntoAgain() throws Exception {
        JobClassLoader loader = open(CoreJar.ofThisBuild());
        Path folder = nativeTmp.resolve("later");

        assertThat(catchThrowable(() -> loader.load(folder)))
                .hasMessage(
                        "the session core cannot be loaded: the folder %s for the library's copy"
                                + " does not exist; make it on every machine that runs the job, or"
                                + " name another folder with --native-tmp",
                        folder);

        Files.createDirectory(folder);
        loader.load(folder);
        assertThat(loader.buildId()).isNotEmpty();
        Files.delete(folder); // Fails where the copy stayed in it.
    }

    @Test
    void aJarWithoutTheLibraryIsNamed() throws Exception {
        JobClassLoader loader = open(CoreJar.ofThisBuild().withoutLibrary());

        assertThat(failureOf(loader))
                .hasMessage(
                        "the session core cannot be loaded: this jar was built without the library;"
                                + " build it with mvn package, and submit that");
    }

    @Test
    void aJarForAnotherPlatformSaysWhatItHolds() throws Exception {
        JobClassLoader loader =
                open(
                        CoreJar.ofThisBuild()
                                .withoutLibrary()
                                .withLibrary(otherPlatform(), CoreJar.library()));

        assertThat(failureOf(loader))
                .hasMessageContaining(
                        "this jar holds the library for [%s] and this JVM runs on %s;"
                                + " build the jar with -Dnative.targets=all",
                        otherPlatform(), CoreJar.PLATFORM);
    }

    @Test
    void anUnknownPlatformIsToldWhatTheJarHolds() throws Exception {
        JobClassLoader loader = open(CoreJar.ofThisBuild());
        String arch = System.setProperty("os.arch", "s390x");
        try {
            assertThat(failureOf(loader))
                    .hasMessageContaining(
                            "this jar holds the library for [%s] and this JVM runs on Linux s390x;"
                                    + " run the job on such a machine",
                            CoreJar.PLATFORM);
        } finally {
            System.setProperty("os.arch", arch);
        }
    }

    @Test
    void aLibraryThatWasCutOffNeverReachesTheLinker() throws Exception {
        byte[] library = CoreJar.library();
        byte[] half = Arrays.copyOf(library, library.length / 2);

        assertThat(failureOf(open(CoreJar.ofThisBuild().withLibrary(half))))
                .hasMessageContaining(
                        CoreJar.PLATFORM.resource() + " is cut off: it has " + half.length + " of ")
                .hasMessageEndingWith("; build the jar anew and submit it again");
        assertThat(failureOf(open(CoreJar.ofThisBuild().withLibrary(new byte[0]))))
                .hasMessageContaining("is no library or cut off: it has 0 bytes");
    }

    @Test
    void whatIsNoLibraryNeverReachesTheLinker() throws Exception {
        byte[] garbage = new byte[4096];
        Arrays.fill(garbage, (byte) 'x');

        assertThat(failureOf(open(CoreJar.ofThisBuild().withLibrary(garbage))))
                .hasMessageContaining("is damaged: it does not start as an ELF file does");
    }

    @Test
    void aLibraryForAnotherMachineIsNamed() throws Exception {
        byte[] library = CoreJar.library();
        library[ELF_MACHINE_OFFSET] = (byte) otherPlatform().elfMachine();

        assertThat(failureOf(open(CoreJar.ofThisBuild().withLibrary(library))))
                .hasMessageContaining(
                        "is built for %s, this JVM runs on %s; build the jar anew",
                        otherPlatform(), CoreJar.PLATFORM);
    }

    @Test
    void aLibraryThatTheLinkerRefusesIsNamedWithTheLinkersWords() throws Exception {
        byte[] library = CoreJar.library();
        library[ELF_VERSION_OFFSET] = 9; // Only the linker looks at it.

        assertThat(failureOf(open(CoreJar.ofThisBuild().withLibrary(library))))
                .hasMessageContaining(" was refused by the system (")
                .hasCauseInstanceOf(UnsatisfiedLinkError.class);
    }

    @Test
    void aNewerGlibcIsNamedAsTheLinkerNamesIt() throws Exception {
        String library = new String(CoreJar.library(), ISO_8859_1);
        // The linker compares a hash first and then the name: another name is a missing version.
        String newer = library.replaceAll("GLIBC_2\\.(\\d)(\\d)(?=\0)", "GLIBC_9.$1$2");
        assertThat(newer).isNotEqualTo(library);

        assertThat(failureOf(open(CoreJar.ofThisBuild().withLibrary(newer.getBytes(ISO_8859_1)))))
                .message()
                .matches(".* needs glibc 9\\.\\d\\d or newer and this machine has 2\\.\\d+; .*");
    }

    @Test
    void aLibraryThatIsMissingIsNamedAsTheLinkerNamesIt() throws Exception {
        String library = new String(CoreJar.library(), ISO_8859_1);
        String needy = library.replace("\0libc.so.6\0", "\0libx.so.6\0");
        assertThat(needy).isNotEqualTo(library);

        assertThat(failureOf(open(CoreJar.ofThisBuild().withLibrary(needy.getBytes(ISO_8859_1)))))
                .hasMessageEndingWith(
                        " needs libx.so.6, which this machine does not have; install it there");
    }

    @Test
    void aJarWithAByteDamagedIsNamed() throws Exception {
        Path jar = CoreJar.ofThisBuild().writeTo(jars);
        byte[] bytes = Files.readAllBytes(jar);
        bytes[5000] ^= 1; // Of the library, which stands first and uncompressed.
        Files.write(jar, bytes);

        assertThat(failureOf(open(jar)))
                .hasMessageContaining("cannot be read (its checksum is another than the jar says)")
                .hasMessageEndingWith("the jar is damaged; build the jar anew and submit it again")
                .hasCauseInstanceOf(IOException.class);
    }

    @Test
    void aNamedFileIsLoadedInsteadOfTheJars() throws Exception {
        JobClassLoader loader = open(CoreJar.ofThisBuild().withoutLibrary());
        Path library = Files.write(jars.resolve("named.so"), CoreJar.library());
        System.setProperty(NativeLibrary.PATH_PROPERTY, library.toString());

        loader.load(nativeTmp.resolve("unused"));

        assertThat(loader.buildId()).isNotEmpty();
        assertThat(library).exists();
    }

    @Test
    void aNamedFileOfAnotherBuildIsRefused() throws Exception {
        JobClassLoader loader = open(CoreJar.ofThisBuild().withBuildId("0ther"));
        Path library = Files.write(jars.resolve("named.so"), CoreJar.library());
        System.setProperty(NativeLibrary.PATH_PROPERTY, library.toString());

        assertThat(failureOf(loader))
                .hasMessageContaining("the library " + library + " is of build ")
                .hasMessageEndingWith(
                        "0ther; name another file with -Dsession.native.path, or leave it out");
    }

    @Test
    void aNamedFileServesOneClassLoaderOnlyAndTheFailureSaysSo() throws Exception {
        Path jar = CoreJar.ofThisBuild().writeTo(jars);
        Path library = Files.write(jars.resolve("named.so"), CoreJar.library());
        System.setProperty(NativeLibrary.PATH_PROPERTY, library.toString());
        open(jar).load(nativeTmp);

        assertThat(failureOf(open(jar)))
                .hasMessageContaining("serves another job of this JVM already")
                .hasCauseInstanceOf(UnsatisfiedLinkError.class);
    }

    @Test
    void aNamedFileThatIsNotThereIsNamed() throws Exception {
        JobClassLoader loader = open(CoreJar.ofThisBuild());
        for (String path : new String[] {"/there/is/none.so", "relative.so", ""}) {
            System.setProperty(NativeLibrary.PATH_PROPERTY, path);
            assertThat(failureOf(loader))
                    .hasMessageContaining(
                            "-Dsession.native.path names " + path + ", which is not the absolute");
        }
    }

    @Test
    void aLibraryWithoutTheFunctionsOfTheCoreIsNamed() throws Exception {
        // The real library has them; so the classes are given one to miss.
        byte[] core =
                compile(
                        "SessionCore",
                        "package com.main.core; final class SessionCore {"
                                + " static native int abiVersion();"
                                + " static native String missing();"
                                + " static String buildId() { return missing(); } }");
        JobClassLoader loader = open(CoreJar.ofThisBuild().withClass("SessionCore", core));

        assertThat(failureOf(loader))
                .hasMessageContaining(" is not the session core; build the jar anew")
                .hasCauseInstanceOf(UnsatisfiedLinkError.class);
    }

    @Test
    void aProbeGivesTheFailureAsText() throws Exception {
        JobClassLoader loader = open(CoreJar.ofThisBuild());
        Path noFolder = jars.resolve("none");

        assertThat(loader.probe(noFolder)).contains(failureOf(loader, noFolder).getMessage());
        assertThat(loader.probe(nativeTmp)).isEmpty();
    }

    private JobClassLoader open(CoreJar jar) throws IOException {
        return open(jar.writeTo(jars));
    }

    private JobClassLoader open(Path jar) throws IOException {
        JobClassLoader loader = new JobClassLoader(jar);
        loaders.add(loader);
        return loader;
    }

    private Throwable failureOf(JobClassLoader loader) {
        return failureOf(loader, nativeTmp);
    }

    private static Throwable failureOf(JobClassLoader loader, Path folder) {
        Throwable failure = catchThrowable(() -> loader.load(folder));
        assertThat(failure).isNotNull();
        assertThat(failure.getClass().getName()).isEqualTo(SessionCoreException.class.getName());
        return failure;
    }

    private String buildIdOfThisBuild() throws IOException {
        JobClassLoader loader = open(CoreJar.ofThisBuild());
        loader.load(nativeTmp);
        return loader.buildId();
    }

    private WeakReference<ClassLoader> loadAndRelease(Path jar) throws IOException {
        try (JobClassLoader loader = new JobClassLoader(jar)) {
            assertThat(loader.call(CoreUse.NAME, "run", nativeTmp.toString())).isEqualTo("u1");
            return new WeakReference<>(loader);
        }
    }

    private static byte[] classFile(Class<?> type) throws IOException {
        Path classes = CoreJar.codeSource(type);
        return Files.readAllBytes(classes.resolve(type.getName().replace('.', '/') + ".class"));
    }

    private static long held(List<WeakReference<ClassLoader>> references) {
        return references.stream().filter(reference -> reference.get() != null).count();
    }

    private static Platform otherPlatform() {
        return CoreJar.PLATFORM == Platform.LINUX_X86_64
                ? Platform.LINUX_AARCH_64
                : Platform.LINUX_X86_64;
    }

    private byte[] compile(String name, String source) throws IOException {
        Path folder = Files.createTempDirectory(jars, "classes");
        Path file = folder.resolve(name + ".java");
        Files.write(file, source.getBytes(StandardCharsets.UTF_8));
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        int status = compiler.run(null, null, null, "-proc:none", file.toString());
        assertThat(status).isZero();
        return Files.readAllBytes(folder.resolve(name + ".class"));
    }

    /** What a job does with its core, a refusal included: a class of the job's own jar. */
    static final class CoreUse {
        static final String NAME = "NativeLibraryTest$CoreUse";

        static String run(String nativeTmp) {
            try {
                SessionCore.open(new CoreOptions().logFilter("loud"), nativeTmp);
                throw new AssertionError("the core took a filter that it cannot know");
            } catch (IllegalArgumentException expected) {
                // The core itself throws it: the one Java class that it names.
            }
            long nowMs = 1_734_145_200_000L;
            byte[] value =
                    ("{\"uid\":\"u1\",\"log_name\":\"CLICK\",\"ts\":" + nowMs + "}")
                            .getBytes(StandardCharsets.UTF_8);
            try (SessionCore core = SessionCore.open(new CoreOptions(), nativeTmp)) {
                DecodeReply decoded = core.decode(value, -1, nowMs);
                String key = decoded.key();
                core.onEvent(null, decoded.found(), value);
                return key;
            }
        }

        private CoreUse() {}
    }
}
