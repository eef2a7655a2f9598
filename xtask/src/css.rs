//! Makes one style sheet out of `style/`: `main.css` gives the order by its `@import` lines.
//!
//! An import is one line, `@import url("tokens.css") layer(base);` or the same without a layer, and
//! imported files import nothing themselves: the order can be read in one place.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// The whole style sheet, without comments.
pub(crate) fn bundle(style: &Path) -> Result<String> {
    let read = |name: &str| {
        let path = style.join(name);
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    resolve(&read("main.css")?, read)
}

fn resolve(main: &str, read: impl Fn(&str) -> Result<String>) -> Result<String> {
    let mut sheet = String::new();
    for line in without_comments(main).lines() {
        let Some(import) = line.trim().strip_prefix("@import") else {
            sheet.push_str(line);
            sheet.push('\n');
            continue;
        };
        let (name, layer) = parse_import(import).with_context(|| format!("cannot understand `{}`", line.trim()))?;
        let content = without_comments(&read(name)?);
        ensure!(!content.contains("@import"), "{name} imports another file; only main.css may");
        match layer {
            Some(layer) => sheet.push_str(&format!("@layer {layer} {{\n{}\n}}\n", content.trim())),
            None => sheet.push_str(&format!("{}\n", content.trim())),
        }
    }
    Ok(sheet)
}

/// ` url("a.css") layer(b);` → `("a.css", Some("b"))`.
fn parse_import(import: &str) -> Result<(&str, Option<&str>)> {
    let rest = import.trim().strip_suffix(';').context("it must end in a semicolon on the same line")?;
    let rest = rest.trim().strip_prefix("url(").context("it must name the file by url(…)")?;
    let (name, rest) = rest.split_once(')').context("url( is not closed")?;
    let name = name.trim().trim_matches(['"', '\'']);
    match rest.trim() {
        "" => Ok((name, None)),
        words => match words.strip_prefix("layer(").and_then(|words| words.strip_suffix(')')) {
            Some(layer) => Ok((name, Some(layer.trim()))),
            None => bail!("only layer(…) may follow the file"),
        },
    }
}

/// Removes comments and empty lines; strings stay as they are.
pub(crate) fn without_comments(sheet: &str) -> String {
    let mut kept = String::with_capacity(sheet.len());
    let mut quote = None;
    let mut rest = sheet.chars().peekable();
    while let Some(next) = rest.next() {
        match (quote, next) {
            (None, '/') if rest.peek() == Some(&'*') => {
                rest.next();
                let mut before = ' ';
                for inside in rest.by_ref() {
                    if before == '*' && inside == '/' {
                        break;
                    }
                    before = inside;
                }
                continue;
            }
            (None, '"' | '\'') => quote = Some(next),
            (Some(_), '\\') => {
                kept.push(next);
                kept.extend(rest.next());
                continue;
            }
            (Some(open), _) if open == next => quote = None,
            _ => {}
        }
        kept.push(next);
    }
    kept.lines().filter(|line| !line.trim().is_empty()).flat_map(|line| [line.trim_end(), "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Result<String> {
        match name {
            "a.css" => Ok("/* why */ a { color: red }\n\n".to_owned()),
            "nested.css" => Ok("@import url(\"a.css\");".to_owned()),
            other => bail!("no {other}"),
        }
    }

    #[test]
    fn imports_keep_their_place_and_get_their_layer() {
        let main = "@layer base, late;\n@import url(\"a.css\") layer(base);\n@import url('a.css');\nb { margin: 0 }\n";
        let sheet = resolve(main, read).expect("resolves");
        assert_eq!(
            sheet,
            "@layer base, late;\n@layer base {\na { color: red }\n}\na { color: red }\nb { margin: 0 }\n"
        );
    }

    #[test]
    fn a_wrong_import_fails_the_build() {
        for main in [
            "@import url(\"missing.css\");",
            "@import url(\"nested.css\");",
            "@import \"a.css\";",
            "@import url(\"a.css\")",
            "@import url(\"a.css\") screen;",
        ] {
            assert!(resolve(main, read).is_err(), "{main}");
        }
    }

    #[test]
    fn comments_go_and_strings_stay() {
        assert_eq!(
            without_comments("a/* x **/b { content: \"/* kept \\\" */\" } /* open"),
            "ab { content: \"/* kept \\\" */\" }\n"
        );
    }
}
