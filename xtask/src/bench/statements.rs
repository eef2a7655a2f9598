//! Which statements the server sends: read from the log of Postgres, so that they cannot differ from
//! what the server really runs.

use anyhow::{Context, Result, ensure};

/// A statement as Postgres executed it, with its parameters as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    /// `None` is null.
    pub(crate) parameters: Vec<Option<String>>,
}

/// The statements of a log written with `log_statement = all`, in order.
pub(crate) fn in_log(log: &str) -> Result<Vec<Statement>> {
    let mut statements: Vec<Statement> = Vec::new();
    for Entry { level, text } in entries(log) {
        if level == "LOG" {
            let sql = text
                .strip_prefix("statement: ")
                .or_else(|| text.strip_prefix("execute ")?.split_once(": ").map(|(_, sql)| sql));
            statements.extend(sql.map(|sql| Statement { sql: sql.to_owned(), parameters: Vec::new() }));
        } else if level == "DETAIL"
            && let Some(list) = text.strip_prefix("parameters: ").or_else(|| text.strip_prefix("Parameters: "))
        {
            let statement = statements.last_mut().context("the log has parameters before any statement")?;
            statement.parameters = parameters(list)?;
        }
    }
    Ok(statements)
}

struct Entry {
    level: String,
    text: String,
}

/// The entries of a log with Postgres' usual prefix, `time [process] LEVEL:  `. Lines of an entry
/// after its first begin with a tab.
fn entries(log: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in log.lines() {
        if let Some(more) = line.strip_prefix('\t') {
            if let Some(entry) = entries.last_mut() {
                entry.text.push('\n');
                entry.text.push_str(more);
            }
        } else if let Some((head, text)) = line.split_once(":  ")
            && let Some((_, level)) = head.rsplit_once("] ")
        {
            entries.push(Entry { level: level.to_owned(), text: text.to_owned() });
        }
    }
    entries
}

/// `$1 = 'it''s', $2 = NULL` → `["it's", null]`.
fn parameters(list: &str) -> Result<Vec<Option<String>>> {
    let mut found = Vec::new();
    let mut rest = list;
    loop {
        let name = format!("${} = ", found.len() + 1);
        rest = rest.strip_prefix(name.as_str()).with_context(|| format!("no {name:?} in the parameters"))?;
        if let Some(quoted) = rest.strip_prefix('\'') {
            let (value, after) = unquote(quoted)?;
            found.push(Some(value));
            rest = after;
        } else {
            rest = rest.strip_prefix("NULL").context("a parameter is neither quoted nor null")?;
            found.push(None);
        }
        if rest.is_empty() {
            return Ok(found);
        }
        rest = rest.strip_prefix(", ").context("parameters are separated by commas")?;
    }
}

/// The text up to the closing quote, and what follows it.
fn unquote(text: &str) -> Result<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('\'').context("a quote is not closed")?;
        value.push_str(before);
        match after.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Ok((value, after)),
        }
    }
}

/// The elements of a one-dimensional array of things that need no quotes (numbers, UUIDs), as
/// Postgres writes it: `{1,2,NULL}`.
pub(crate) fn plain_array(text: &str) -> Result<Vec<&str>> {
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).context("not an array")?;
    ensure!(!inner.contains('"'), "an array with quotes");
    Ok(if inner.is_empty() { Vec::new() } else { inner.split(',').collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "2026-11-20 12:00:00.000 UTC [7] LOG:  database system is ready to accept connections\n\
        2026-11-20 12:00:01.000 UTC [9] LOG:  statement: BEGIN\n\
        2026-11-20 12:00:01.001 UTC [9] LOG:  execute sqlx_s_3: select a\n\
        \tfrom t\n\
        \twhere b = $1 and c = $2 and d = $3\n\
        2026-11-20 12:00:01.001 UTC [9] DETAIL:  parameters: $1 = 'it''s, $2 = ''x''', $2 = NULL, $3 = '{1,2}\n\
        \tsecond line'\n\
        2026-11-20 12:00:01.002 UTC [9] LOG:  statement: COMMIT\n";

    #[test]
    fn statements_come_out_of_a_log_whole_and_in_order() {
        let plain = |sql: &str| Statement { sql: sql.to_owned(), parameters: Vec::new() };
        let select = Statement {
            sql: "select a\nfrom t\nwhere b = $1 and c = $2 and d = $3".to_owned(),
            parameters: vec![Some("it's, $2 = 'x'".to_owned()), None, Some("{1,2}\nsecond line".to_owned())],
        };
        assert_eq!(in_log(LOG).expect("a valid log"), [plain("BEGIN"), select, plain("COMMIT")]);
    }

    #[test]
    fn half_a_parameter_list_is_refused() {
        for list in ["$1 = 'a", "$2 = 'a'", "$1 = 7", "$1 = 'a'; $2 = 'b'"] {
            assert!(parameters(list).is_err(), "{list}");
        }
    }

    #[test]
    fn arrays_without_quotes_are_split() {
        assert_eq!(plain_array("{1,NULL,3}").expect("an array"), ["1", "NULL", "3"]);
        assert_eq!(plain_array("{}").expect("an array"), [""; 0]);
        assert!(plain_array("{\"a,b\"}").is_err());
        assert!(plain_array("1,2").is_err());
    }
}
