package com.main.core;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.net.URLConnection;
import java.net.URLStreamHandler;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A class loader as a job has it in a TaskManager: the classes of its own jar come before the
 * cluster's. It also keeps every connection through which a resource of the jar was read.
 */
final class JobClassLoader extends URLClassLoader {
    private final List<URLConnection> connections = new ArrayList<>();

    JobClassLoader(Path jar) throws MalformedURLException {
        super(new URL[] {jar.toUri().toURL()}, JobClassLoader.class.getClassLoader());
    }

    /** {@link NativeLibrary#load} of this class loader's own class. */
    void load(Path nativeTmp) {
        call("NativeLibrary", "load", nativeTmp.toString());
    }

    /** {@link NativeLibrary#probe} of this class loader's own class. */
    Optional<String> probe(Path nativeTmp) {
        return ((Optional<?>) call("NativeLibrary", "probe", nativeTmp.toString()))
                .map(String.class::cast);
    }

    /** {@link SessionCore#buildId} of this class loader's own class. */
    String buildId() {
        return (String) call("SessionCore", "buildId");
    }

    List<URLConnection> connections() {
        return connections;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (!name.startsWith("com.main.core.")) {
            return super.loadClass(name, resolve);
        }
        synchronized (getClassLoadingLock(name)) {
            Class<?> loaded = findLoadedClass(name);
            return loaded != null ? loaded : findClass(name);
        }
    }

    @Override
    public URL getResource(String name) {
        URL found = findResource(name);
        if (found == null) {
            return null;
        }
        URLStreamHandler recorder =
                new URLStreamHandler() {
                    @Override
                    protected URLConnection openConnection(URL url) throws IOException {
                        URLConnection connection = found.openConnection();
                        connections.add(connection);
                        return connection;
                    }
                };
        try {
            return new URL(null, found.toExternalForm(), recorder);
        } catch (MalformedURLException e) {
            throw new AssertionError(e);
        }
    }

    /** A static method of a class of the core's package, from this class loader. */
    Object call(String className, String methodName, String... arguments) {
        Class<?>[] types = new Class<?>[arguments.length];
        Arrays.fill(types, String.class);
        try {
            Method method =
                    Class.forName("com.main.core." + className, true, this)
                            .getDeclaredMethod(methodName, types);
            method.setAccessible(true);
            return method.invoke(null, (Object[]) arguments);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof RuntimeException) {
                throw (RuntimeException) e.getCause();
            }
            throw new AssertionError(e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }
}
