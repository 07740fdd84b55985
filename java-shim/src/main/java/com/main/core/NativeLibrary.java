package com.main.core;

/** Loads the Rust core into this class loader. */
final class NativeLibrary {
    static void load(String nativeTmp) {
        throw new SessionCoreException("no library");
    }

    private NativeLibrary() {}
}
