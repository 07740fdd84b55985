//! Prints the scenario files of a folder as one JSON array.

use std::io::Write;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: scenario FOLDER")?;
    let scenarios = scenario::read_folder(Path::new(&folder))?;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &scenarios)?;
    writeln!(out)?;
    Ok(())
}
