package com.main.core;

import java.nio.ByteBuffer;

/** Copies between arrays and the direct buffers of the crossing. */
final class Buffers {
    static byte[] copy(ByteBuffer from, int offset, int length) {
        byte[] bytes = new byte[length];
        from.position(offset);
        from.get(bytes);
        return bytes;
    }

    private Buffers() {}
}
