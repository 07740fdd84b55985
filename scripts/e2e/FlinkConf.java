import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.FallbackKey;
import org.apache.flink.configuration.GlobalConfiguration;

/**
 * Reads folders with a flink-conf.yaml as Flink does: {@code FlinkConf LIB FOLDER...}.
 *
 * <p>Prints each setting as FOLDER, key, value with tabs between, and as a fourth word what is wrong with
 * it: "unknown" where none of Flink's *Options classes has the key, "deprecated" where it is an old name, "unreadable"
 * where the option cannot take the value.
 */
public final class FlinkConf {
    public static void main(String[] arguments) throws Exception {
        Map<String, ConfigOption<?>> options = new HashMap<>();
        Map<String, ConfigOption<?>> oldNames = new HashMap<>();
        for (ConfigOption<?> option : optionsOf(Paths.get(arguments[0]))) {
            options.put(option.key(), option);
            for (FallbackKey old : option.fallbackKeys()) {
                oldNames.put(old.getKey(), option);
            }
        }
        if (options.size() < 300) {
            throw new IllegalStateException("only " + options.size() + " options found");
        }
        for (int i = 1; i < arguments.length; i++) {
            Configuration conf = GlobalConfiguration.loadConfiguration(arguments[i]);
            for (Map.Entry<String, String> setting : new TreeMap<>(conf.toMap()).entrySet()) {
                String wrong = wrong(conf, setting.getKey(), options, oldNames);
                System.out.println(
                        String.join("\t", arguments[i], setting.getKey(), setting.getValue(), wrong));
            }
        }
    }

    private static String wrong(
            Configuration conf,
            String key,
            Map<String, ConfigOption<?>> options,
            Map<String, ConfigOption<?>> oldNames) {
        ConfigOption<?> option = options.get(key);
        if (option == null) {
            return oldNames.containsKey(key) ? "deprecated" : "unknown";
        }
        try {
            conf.getOptional(option);
            return "";
        } catch (IllegalArgumentException e) {
            return "unreadable";
        }
    }

    private static List<ConfigOption<?>> optionsOf(Path lib) throws Exception {
        List<ConfigOption<?>> found = new ArrayList<>();
        List<Path> jars;
        try (Stream<Path> files = Files.list(lib)) {
            jars = files.filter(file -> file.toString().endsWith(".jar")).collect(Collectors.toList());
        }
        for (Path jar : jars) {
            try (JarFile content = new JarFile(jar.toFile())) {
                for (JarEntry entry : (Iterable<JarEntry>) content.stream()::iterator) {
                    if (entry.getName().matches("org/apache/flink/.*Options\\.class")) {
                        addOptions(entry.getName(), found);
                    }
                }
            }
        }
        return found;
    }

    private static void addOptions(String file, List<ConfigOption<?>> found) {
        String name = file.replace('/', '.').replaceFirst("\\.class$", "");
        try {
            for (Field field : Class.forName(name).getDeclaredFields()) {
                if (ConfigOption.class.isAssignableFrom(field.getType())
                        && Modifier.isStatic(field.getModifiers())) {
                    field.setAccessible(true);
                    found.add((ConfigOption<?>) field.get(null));
                }
            }
        } catch (ReflectiveOperationException | LinkageError e) {
            // Of a connector or a deployment whose libraries are not here.
        }
    }
}
