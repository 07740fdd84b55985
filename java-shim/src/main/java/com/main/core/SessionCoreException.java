package com.main.core;

/**
 * A broken environment: damaged or newer state, a library of another version, a call the core
 * refuses. It fails the task. A record never causes it: what is wrong with a record is a dead
 * letter.
 */
public final class SessionCoreException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public SessionCoreException(String message) {
        super(message);
    }

    public SessionCoreException(String message, Throwable cause) {
        super(message, cause);
    }
}
