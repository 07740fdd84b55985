package com.main;

import java.util.ArrayList;
import java.util.List;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.Logger;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Property;

/** What a logger was told, from {@link #of} to {@link #close}: one {@code LEVEL text} a line. */
public final class LogLines implements AutoCloseable {
    private final Logger logger;
    private final Level levelBefore;
    private final Appender appender = new Appender();

    private LogLines(Logger logger) {
        this.logger = logger;
        levelBefore = logger.getLevel();
    }

    /**
     * @param level the least severe level that is kept
     */
    public static LogLines of(String logger, Level level) {
        LogLines lines = new LogLines((Logger) LogManager.getLogger(logger));
        lines.appender.start();
        lines.logger.addAppender(lines.appender);
        lines.logger.setLevel(level);
        return lines;
    }

    public List<String> texts() {
        return appender.texts;
    }

    @Override
    public void close() {
        logger.setLevel(levelBefore);
        logger.removeAppender(appender);
    }

    private static final class Appender extends AbstractAppender {
        private final List<String> texts = new ArrayList<>();

        private Appender() {
            super("lines", null, null, true, Property.EMPTY_ARRAY);
        }

        @Override
        public void append(LogEvent event) {
            texts.add(event.getLevel() + " " + event.getMessage().getFormattedMessage());
        }
    }
}
