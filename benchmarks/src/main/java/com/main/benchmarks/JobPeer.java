package com.main.benchmarks;

import com.main.kafka.InputRecord;
import com.main.kafka.OutputRecord;
import com.main.session.SessionFunction;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;

/** The job itself. */
final class JobPeer extends RecordPeer {
    JobPeer(int cacheEntries) {
        super(cacheEntries);
    }

    @Override
    KeyedProcessFunction<String, InputRecord, OutputRecord> function() {
        return new SessionFunction(OPTIONS, null);
    }
}
