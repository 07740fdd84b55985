//! Writes a log to try speed and memory with: `generate RECORDS USERS MINUTES > log.jsonl`.
//!
//! Users are drawn evenly, event times rise over the minutes with a little disorder. Where the
//! minutes are fewer than a timeout, every user's session is open at the end.

use std::io::{BufWriter, Write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1).map(|word| word.parse::<u64>());
    let mut next = || words.next().ok_or("usage: generate RECORDS USERS MINUTES");
    let (records, users, minutes) = (next()??, next()??, next()??);
    let mut out = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    let mut chance = 1u64;
    let mut below = |limit: u64| {
        // xorshift: quick, and the same every time.
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        chance % limit
    };
    for record in 0..records {
        let at_ms = 1_734_144_000_000 + record * minutes * 60_000 / records;
        let log_name = match below(100) {
            0..70 => "CLICK",
            70..85 => "VISIT",
            85..95 => "CIN",
            _ => "COUT",
        };
        writeln!(
            out,
            "{{\"uid\":\"user-{}\",\"access_type\":\"mobile\",\"log_name\":\"{log_name}\",\
             \"in_time\":\"{}\",\"out_time\":\"\",\"ip\":\"192.168.0.{}\",\"ts\":{}}}",
            below(users),
            below(1000),
            below(255),
            at_ms - below(4000),
        )?;
    }
    out.flush()?;
    Ok(())
}
