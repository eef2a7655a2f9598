//! A text as a QR code, drawn on this device: a link that lets somebody in is nobody else's to know.

use leptos::prelude::*;
use qrcodegen::{Mask, QrCode, QrCodeEcc, QrSegment, Version};

/// Light all around, in modules, as the standard asks.
const QUIET: i32 = 4;

/// The one segment and the one mask spare the app the code that would choose them; a random token has
/// no pattern that another mask would have to break up.
fn modules(text: &str) -> Option<QrCode> {
    let segments = [QrSegment::make_bytes(text.as_bytes())];
    let mask = Some(Mask::new(0));
    QrCode::encode_segments_advanced(&segments, QrCodeEcc::Medium, Version::MIN, Version::MAX, mask, false).ok()
}

/// All dark modules as one path.
fn path(code: &QrCode) -> String {
    let places = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
    places.filter(|(x, y)| code.get_module(*x, *y)).map(|(x, y)| format!("M{x} {y}h1v1h-1z")).collect()
}

/// Nothing for a text that no code has room for.
#[component]
pub(crate) fn Qr(text: String, label: &'static str) -> impl IntoView {
    modules(&text).map(|code| {
        let side = code.size() + 2 * QUIET;
        view! {
            <svg class="qr" viewBox=format!("-{QUIET} -{QUIET} {side} {side}") role="img" aria-label=label>
                <path d=path(&code)></path>
            </svg>
        }
    })
}
