package com.main.benchmarks;

/** A record as a POJO of Flink and of Jackson, for the peers that are written so. */
public class LogRecord {
    // Public fields and names as in the JSON: what Flink's PojoSerializer and Jackson both take.
    public String uid;
    public String access_type;
    public String log_name;
    public String in_time;
    public String out_time;
    public String ip;
    public long ts;
    public String ts_str;
    public String session_id;
    public long session_start_ts;
    public long session_last_ts;
    public long session_expire_at;
    public long seq_in_session;
}
