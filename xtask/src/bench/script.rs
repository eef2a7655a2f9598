//! Makes pgbench run what the server ran: the captured statements, word for word, with the captured
//! parameters. Only what must differ from one transaction to the next is computed: versions count on
//! from the head that the transaction itself has read, and ids are made from the version.
//!
//! Parameters that stay the same are kept, one row per client, in a table that each pgbench client
//! reads once, before its first transaction; from then on they are sent as parameters, as the server
//! does. pgbench can only send them as text.

use std::fmt::Write as _;

use anyhow::{Result, ensure};

use super::family::Family;
use super::statements::{Statement, plain_array};

/// What one request made the server send.
pub(crate) struct Capture {
    /// `push_10` or `pull_0`: names the script and its table.
    pub(crate) name: String,
    /// The family as it was before the request.
    pub(crate) family: Family,
    /// How many mutations were pushed; 0 for a request that only reads.
    pub(crate) pushed: usize,
    pub(crate) statements: Vec<Statement>,
    /// The types of each statement's parameters.
    pub(crate) types: Vec<Vec<String>>,
}

/// A pgbench script and the parameters that it reads.
pub(crate) struct Script {
    pub(crate) name: String,
    pub(crate) text: String,
    constants: Vec<(String, String)>,
    origin: Family,
}

impl Capture {
    pub(crate) fn to_script(&self) -> Result<Script> {
        let (entities, mutations) = self.family.next_ids(self.pushed);
        let mut writer = Writer { capture: self, entities, mutations, constants: Vec::new() };
        let name = &self.name;
        let mut text = format!(
            "\\if :ready = 0\nselect * from bench_{name} where client = :client_id \\gset\n\\set ready 1\n\\endif\n"
        );
        for (index, statement) in self.statements.iter().enumerate() {
            let sql = writer.statement(index, statement)?;
            // The select that locks the head is also what tells the version to count on from.
            let reads_head = self.pushed > 0 && sql.trim_start().starts_with("select") && sql.contains("sync_head");
            let end = if reads_head { " \\gset\n" } else { ";\n" };
            text.push_str(sql.trim_end());
            text.push_str(end);
        }
        let constants = writer.constants;
        Ok(Script { name: name.clone(), text, constants, origin: self.family.clone() })
    }
}

struct Writer<'c> {
    capture: &'c Capture,
    entities: Vec<String>,
    mutations: Vec<String>,
    constants: Vec<(String, String)>,
}

/// What an element of an array is to this push.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Version,
    Entity,
    Mutation,
    /// Nothing: the same in every transaction.
    Still,
}

impl Writer<'_> {
    fn statement(&mut self, index: usize, statement: &Statement) -> Result<String> {
        let types = &self.capture.types[index];
        ensure!(types.len() == statement.parameters.len(), "statement {index} has untyped parameters");
        let placed: Vec<String> = statement
            .parameters
            .iter()
            .zip(types)
            .enumerate()
            .map(|(n, (value, type_name))| self.parameter(&format!("p{index}_{}", n + 1), value.as_deref(), type_name))
            .collect::<Result<_>>()?;
        ensure!(!statement.sql.contains(';'), "a statement holds a semicolon, which pgbench would split at");
        fill(&statement.sql, &placed)
    }

    fn parameter(&mut self, name: &str, value: Option<&str>, type_name: &str) -> Result<String> {
        let Some(value) = value else { return Ok(format!("null::{type_name}")) };
        Ok(match type_name {
            "bigint" | "uuid" => match self.meaning(value) {
                (Meaning::Still, _) => self.constant(name, value, type_name),
                (meaning, j) => format!("({})", expression(meaning, &j.to_string())),
            },
            "bigint[]" | "uuid[]" => self.array(name, value, type_name)?,
            _ => self.constant(name, value, type_name),
        })
    }

    /// Which of this push's versions or ids (1 is the first) the value is.
    fn meaning(&self, value: &str) -> (Meaning, usize) {
        let of = |ids: &[String]| ids.iter().position(|id| id == value).map(|at| at + 1);
        let version = value.parse::<u64>().ok().and_then(|number| number.checked_sub(self.capture.family.version));
        let version = version.and_then(|j| usize::try_from(j).ok()).filter(|j| (1..=self.capture.pushed).contains(j));
        None.or(version.map(|j| (Meaning::Version, j)))
            .or(of(&self.entities).map(|j| (Meaning::Entity, j)))
            .or(of(&self.mutations).map(|j| (Meaning::Mutation, j)))
            .unwrap_or((Meaning::Still, 0))
    }

    /// Neighbours that count up together become one series.
    fn array(&mut self, name: &str, value: &str, type_name: &str) -> Result<String> {
        let elements = plain_array(value)?;
        let mut runs: Vec<(Meaning, usize, Vec<&str>)> = Vec::new();
        for element in elements {
            let (meaning, j) = self.meaning(element);
            match runs.last_mut() {
                Some((last, first, run))
                    if *last == meaning && (meaning == Meaning::Still || *first + run.len() == j) =>
                {
                    run.push(element);
                }
                _ => runs.push((meaning, j, vec![element])),
            }
        }
        if runs.iter().all(|(meaning, ..)| *meaning == Meaning::Still) {
            return Ok(self.constant(name, value, type_name));
        }
        let pieces: Vec<String> = runs
            .into_iter()
            .enumerate()
            .map(|(index, (meaning, first, run))| match (meaning, run.len()) {
                (Meaning::Still, _) => {
                    self.constant(&format!("{name}_{index}"), &format!("{{{}}}", run.join(",")), type_name)
                }
                (_, 1) => format!("array[{}]", expression(meaning, &first.to_string())),
                (_, count) => {
                    let last = first + count - 1;
                    format!("array(select {} from generate_series({first}, {last}) as i)", expression(meaning, "i"))
                }
            })
            .collect();
        Ok(format!("({})", pieces.join(" || ")))
    }

    fn constant(&mut self, name: &str, value: &str, type_name: &str) -> String {
        self.constants.push((name.to_owned(), value.to_owned()));
        format!(":{name}::{type_name}")
    }
}

/// SQL for the `j`-th version or id after the head.
fn expression(meaning: Meaning, j: &str) -> String {
    let version = format!(":version::bigint + {j}");
    let id = |prefix: &str| format!("('{prefix}' || lpad(to_hex({version}), 12, '0'))::uuid");
    match meaning {
        Meaning::Version | Meaning::Still => version,
        Meaning::Entity => id(super::family::ENTITY),
        Meaning::Mutation => id(super::family::MUTATION),
    }
}

/// Puts `placed[n - 1]` wherever `$n` stands.
fn fill(sql: &str, placed: &[String]) -> Result<String> {
    let mut parts = sql.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let value = part[..digits].parse::<usize>().ok().and_then(|n| placed.get(n.checked_sub(1)?));
        let Some(value) = value else { anyhow::bail!("the statement has an unknown parameter at `${part}`") };
        text.push_str(value);
        text.push_str(&part[digits..]);
    }
    Ok(text)
}

impl Script {
    /// SQL that makes the table of this script's parameters, one row per family: the captured ones,
    /// with the family's own ids and session in the place of the captured family's.
    pub(crate) fn table(&self, families: &[Family]) -> String {
        let columns: Vec<String> = self.constants.iter().map(|(name, _)| format!("{name} text")).collect();
        let mut sql =
            format!("create table bench_{} (client integer primary key, {});\n", self.name, columns.join(", "));
        let from = names(&self.origin);
        for (client, family) in families.iter().enumerate() {
            let to = names(family);
            let values = self.constants.iter().map(|(_, value)| {
                let own = from.iter().zip(&to).fold(value.clone(), |text, (from, to)| text.replace(from, to));
                format!("'{}'", own.replace('\'', "''"))
            });
            let values: Vec<String> = values.collect();
            writeln!(sql, "insert into bench_{} values ({client}, {});", self.name, values.join(", "))
                .expect("writing to memory does not fail");
        }
        sql
    }
}

/// What tells one family from another in a statement's parameters.
fn names(family: &Family) -> [String; 4] {
    [family.session_hash(), family.caregiver.clone(), family.baby.clone(), family.device.clone()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(pushed: usize, sql: &str, parameters: &[Option<&str>], types: &[&str]) -> Capture {
        let parameters = parameters.iter().map(|value| value.map(str::to_owned)).collect();
        Capture {
            name: "x".to_owned(),
            family: Family::example(41),
            pushed,
            statements: vec![Statement { sql: sql.to_owned(), parameters }],
            types: vec![types.iter().map(ToString::to_string).collect()],
        }
    }

    /// The script without its four lines of preparation.
    fn body(capture: &Capture) -> String {
        let text = capture.to_script().expect("it can be written").text;
        text.lines().skip(4).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_stays_the_same_is_read_once_and_sent_as_a_parameter() {
        let capture = capture(0, "select a where b = $1 and c = $2 or b < $1", &[Some("7"), None], &["bigint", "text"]);
        assert_eq!(body(&capture), "select a where b = :p0_1::bigint and c = null::text or b < :p0_1::bigint;");
    }

    #[test]
    fn versions_and_ids_count_on_from_the_head() {
        let family = Family::example(41);
        let (entities, mutations) = family.next_ids(2);
        let array = |ids: &[String]| format!("{{{}}}", ids.join(","));
        let capture = capture(
            2,
            "insert ($1, $2, $3, $4)",
            &[
                Some("43"),
                Some("{42,43}"),
                Some(&array(&mutations)),
                Some(&format!("{{{},{}}}", family.baby, entities[1])),
            ],
            &["bigint", "bigint[]", "uuid[]", "uuid[]"],
        );
        assert_eq!(
            body(&capture),
            "insert ((:version::bigint + 2), (array(select :version::bigint + i from generate_series(1, 2) as i)), \
             (array(select ('01930002-0000-7000-8000-' || lpad(to_hex(:version::bigint + i), 12, '0'))::uuid \
             from generate_series(1, 2) as i)), (:p0_4_0::uuid[] || \
             array[('01930001-0000-7000-8000-' || lpad(to_hex(:version::bigint + 2), 12, '0'))::uuid]));"
        );
    }

    #[test]
    fn the_select_that_locks_the_head_tells_the_version() {
        let capture = capture(1, "select version from sync_head where a = $1", &[Some("x")], &["text"]);
        assert_eq!(body(&capture), "select version from sync_head where a = :p0_1::text \\gset");
    }

    #[test]
    fn each_client_gets_its_own_familys_names() {
        let capture = capture(0, "select $1", &[Some("it's 01930000-0001-7000-8000-000000000000")], &["text"]);
        let script = capture.to_script().expect("it can be written");
        let other = Family { baby: "another".to_owned(), ..Family::example(41) };
        assert_eq!(
            script.table(&[other]),
            "create table bench_x (client integer primary key, p0_1 text);\n\
             insert into bench_x values (0, 'it''s another');\n"
        );
    }

    #[test]
    fn an_unknown_parameter_is_refused() {
        assert!(fill("select $2", &["a".to_owned()]).is_err());
        assert!(fill("select $$a$$", &[]).is_err());
    }
}
