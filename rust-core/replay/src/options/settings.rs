//! Where an option's value comes from: the command line, the job's environment, the job's config
//! file, the default; the first of them wins.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use java_properties::PropertiesIter;

use crate::failure::{plain, Failure, Outcome};

/// Before the names of the job's options in the environment.
const ENVIRONMENT_PREFIX: &str = "SESSION_JOB_";

/// What the job's config file may hold that decides nothing here: where records come from and go,
/// and how the job runs. A test holds the names against the job's own.
const NOT_OURS: [&str; 17] = [
    "bootstrap-servers",
    "input-topic",
    "output-topic",
    "dead-letter-topic",
    "session-topic",
    "group-id",
    "start",
    "partition-discovery",
    "delivery",
    "transactional-id-prefix",
    "transaction-timeout",
    "checkpoint-interval",
    "state-cache",
    "job-name",
    "log-filter",
    "native-tmp",
    "preflight",
];
/// Properties of Kafka's clients.
const PASSED_THROUGH: [&str; 3] = ["source.", "sink.", "kafka."];
/// The job's options that are options here too.
const OURS: [&str; 10] = [
    "out-of-orderness",
    "order",
    "idle-timeout",
    "allowed-lateness",
    "max-future",
    "min-event-time",
    "max-record-size",
    "advance-when-silent",
    "watermark-alignment",
    "rules",
];

/// What is set where, what is wrong with it, and what was in force in the end.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// From the environment and the file, by the option's name.
    set: HashMap<String, Setting>,
    /// A sentence each.
    pub(super) mistakes: Vec<String>,
    /// Each value that was asked for, by the option's name.
    pub(super) in_force: Vec<(&'static str, String)>,
}

/// A value and how the user knows its option.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) text: String,
    label: String,
}

impl Settings {
    /// Reads the environment, and the config file that is named there or here.
    pub(super) fn read(config: Option<&Path>) -> Outcome<Settings> {
        let mut settings = Settings::default();
        for name in OURS.iter().chain(&["config"]) {
            let label = format!("{ENVIRONMENT_PREFIX}{}", name.to_uppercase().replace('-', "_"));
            if let Ok(text) = std::env::var(&label) {
                settings.set.insert((*name).to_owned(), Setting { text, label });
            }
        }
        let given = config.map(|file| file.display().to_string());
        if let Some(Setting { text, label }) = settings.find("config", given.as_deref()) {
            settings.read_file(Path::new(&text), &label)?;
        }
        Ok(settings)
    }

    /// The command line's value, or the environment's, or the file's.
    pub(super) fn find(&self, name: &str, given: Option<&str>) -> Option<Setting> {
        match given {
            Some(text) => Some(Setting { text: text.to_owned(), label: format!("--{name}") }),
            None => self.set.get(name).cloned(),
        }
    }

    /// The value in force of an option; a mistake is noted, and the value is the type's own.
    pub(super) fn value<T: Default>(
        &mut self,
        name: &'static str,
        given: Option<&String>,
        default: &str,
        read: fn(&str) -> Result<T, String>,
    ) -> T {
        let setting = self
            .find(name, given.map(String::as_str))
            .unwrap_or_else(|| Setting { text: default.to_owned(), label: format!("--{name}") });
        let value = read(&setting.text).unwrap_or_else(|wanted| {
            self.mistakes.push(format!("{}: '{}' is not {wanted}", setting.label, setting.text));
            T::default()
        });
        self.in_force.push((name, setting.text));
        value
    }

    /// No text holds the value of a name that is not ours: it may be a secret.
    fn read_file(&mut self, path: &Path, label: &str) -> Outcome<()> {
        let place = path.display();
        let file = File::open(path)
            .map_err(|error| Failure::usage(format!("{label}: {place}: {}", plain(&error))))?;
        let entries = PropertiesIter::new_with_encoding(file, encoding_rs::UTF_8);
        for entry in entries {
            let (name, text) = match entry {
                Ok(line) => match line.consume_content() {
                    java_properties::LineContent::KVPair(name, text) => (name, text),
                    java_properties::LineContent::Comment(_) => continue,
                },
                Err(_) => {
                    return Err(Failure::usage(format!(
                        "{label}: {place}: no properties file in UTF-8"
                    )));
                }
            };
            let label = format!("{name} in {place}");
            if OURS.contains(&name.as_str()) {
                let setting = Setting { text: text.trim().to_owned(), label };
                self.set.entry(name).or_insert(setting);
            } else if !is_not_ours(&name) {
                self.mistakes.push(format!("{label}: the job has no such option"));
            }
        }
        Ok(())
    }
}

fn is_not_ours(name: &str) -> bool {
    NOT_OURS.contains(&name) || PASSED_THROUGH.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Commands of the job, which stand in no file.
    const COMMANDS: [&str; 7] =
        ["config", "print-config", "print-rules", "check", "dry-run", "help", "version"];

    #[test]
    fn the_names_are_the_jobs() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../java-shim/src/main/java/com/main/JobOption.java");
        let source = std::fs::read_to_string(source).unwrap();
        let is_name =
            |name: &&str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        let job: BTreeSet<String> = source
            .lines()
            .filter_map(|line| line.strip_prefix("    ")?.split_once('(').map(|(name, _)| name))
            .filter(is_name)
            .map(|name| name.to_lowercase().replace('_', "-"))
            .collect();
        let known = OURS.iter().chain(&NOT_OURS).chain(&COMMANDS);
        assert_eq!(job, known.map(|name| (*name).to_owned()).collect());
    }

    #[test]
    fn the_command_line_wins_over_the_file_and_mistakes_say_where_they_stand() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("job.properties");
        let text = "# of the job\norder = event-time\nidle-timeout: 5\nkafka.ssl.key.password=x\n\
                    bootstrap-servers=h:1\nidle-timout=3s\n";
        std::fs::write(&file, text).unwrap();
        let mut settings = Settings::read(Some(&file)).unwrap();
        assert_eq!(settings.find("order", None).unwrap().text, "event-time");
        assert_eq!(settings.find("order", Some("arrival")).unwrap().text, "arrival");
        settings.value("idle-timeout", None, "60s", super::super::text::duration_ms);
        let place = file.display();
        assert_eq!(settings.mistakes.len(), 2, "{:?}", settings.mistakes);
        assert_eq!(
            settings.mistakes[0],
            format!("idle-timout in {place}: the job has no such option")
        );
        assert!(settings.mistakes[1].starts_with(&format!("idle-timeout in {place}: '5' is not")));
    }
}
