//! Writes an access log of any size, the same for the same numbers: `make_log --help`.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;

/// 2024-12-14T11:40:00 in Seoul, where the README's records lie.
const START_MS: u64 = 1_734_144_000_000;
/// Within the job's default `--out-of-orderness`.
const DISORDER_MS: u64 = 4_000;
/// How far apart the events of an active user are on average: one pause in twenty is longer than
/// the built-in timeout of 30 minutes.
const GAP_MS: u64 = 600_000;

/// Writes an access log as JSON lines to standard output.
///
/// So many users are active at a time, and an event is of one of them by chance. After its share
/// of the events a user goes, and the next one comes; when all have been there, the first comes
/// again. With as many active as there are users, all stay to the end.
#[derive(Parser)]
#[command(name = "make_log", max_term_width = 80)]
struct Args {
    #[arg(long, value_name = "COUNT", default_value_t = 20_000_000)]
    records: u64,
    #[arg(long, value_name = "COUNT", default_value_t = 5_000_000)]
    users: u64,
    /// Users at a time
    #[arg(long, value_name = "COUNT", default_value_t = 200_000)]
    active: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One record in so many is no event; 0: none
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    bad_one_in: u64,
    /// Put the user and a tab before each line, as Kafka's console producer takes a key
    #[arg(long)]
    keyed: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    match write_log(&args, out) {
        Ok(()) => ExitCode::SUCCESS,
        // Who read it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "make_log: {error}");
            ExitCode::from(2)
        }
    }
}

fn write_log(args: &Args, mut out: impl Write) -> io::Result<()> {
    let mut chance = Chance(args.seed);
    let users = args.users.max(1);
    let mut active: Vec<u64> = (0..args.active.clamp(1, users)).collect();
    let visit = (args.records / users).max(1);
    let mut next_user = active.len() as u64;
    let mut line = String::new();
    for number in 0..args.records {
        // All that are active at first come once, one after the other.
        let turn = if number < active.len() as u64 { number } else { chance.below(active.len()) };
        let Some(slot) = usize::try_from(turn).ok().and_then(|turn| active.get_mut(turn)) else {
            continue;
        };
        let user = *slot;
        let at_ms = START_MS + number * GAP_MS / args.active.clamp(1, users);
        let at_ms = at_ms - chance.below(DISORDER_MS);
        line.clear();
        if args.keyed {
            let _ = write!(line, "user-{user}\t");
        }
        let bad = args.bad_one_in > 0 && chance.below(args.bad_one_in) == 0;
        put_record(&mut line, user, at_ms, &mut chance, bad);
        out.write_all(line.as_bytes())?;
        if args.active < users && chance.below(visit) == 0 {
            *slot = next_user % users;
            next_user += 1;
        }
    }
    out.flush()
}

/// Writing into a text cannot fail.
fn put_record(line: &mut String, user: u64, at_ms: u64, chance: &mut Chance, bad: bool) {
    let log_name = match chance.below(100_u64) {
        0..70 => "CLICK",
        70..85 => "VISIT",
        85..95 => "CIN",
        _ => "COUT",
    };
    let device = if user.is_multiple_of(3) { "pc" } else { "mobile" };
    let _ =
        write!(line, r#"{{"uid":"user-{user}","access_type":"{device}","log_name":"{log_name}","#);
    let spoilt = if bad { 1 + chance.below(3_u64) } else { 0 };
    let _ = write!(
        line,
        r#""in_time":"{}","out_time":"","ip":"192.168.{}.{}""#,
        chance.below(1000_u64),
        chance.below(256_u64),
        chance.below(256_u64)
    );
    line.push_str(&match spoilt {
        0 => format!(",\"ts\":{at_ms}}}\n"),
        1 => "}\n".to_owned(),
        2 => format!(",\"ts\":{at_ms}\n"),
        _ => format!(",\"ts\":{}}}\n", at_ms / 1000),
    });
}

/// Numbers that look random and are the same every time (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: impl TryInto<u64>) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.try_into().unwrap_or(1).max(1)
    }
}
