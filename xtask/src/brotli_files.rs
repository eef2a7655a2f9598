//! Writes a `.br` beside each file that compression makes smaller, so that the server compresses nothing
//! twice and can afford the strongest setting.

use std::path::Path;

use anyhow::{Context, Result};
use brotli::enc::BrotliEncoderParams;

use crate::paths;

const COMPRESSIBLE: [&str; 8] = ["wasm", "js", "css", "html", "svg", "webmanifest", "json", "txt"];

pub(crate) fn compress_all(dir: &Path) -> Result<()> {
    for path in paths::files_under(dir)? {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !COMPRESSIBLE.contains(&extension) {
            continue;
        }
        let bytes = std::fs::read(&path)?;
        let small = compress(&bytes).with_context(|| format!("cannot compress {}", path.display()))?;
        if small.len() < bytes.len() {
            std::fs::write(path.with_added_extension("br"), small)?;
        }
    }
    Ok(())
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    let parameters = BrotliEncoderParams { quality: 11, lgwin: 22, size_hint: bytes.len(), ..Default::default() };
    let mut small = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut small, &parameters)?;
    Ok(small)
}
