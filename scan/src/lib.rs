//! Reads an invitation out of one picture of the camera. A program of its own, beside the app: it is
//! fetched when somebody scans, and by nobody else. `public/shell/scan.js` gives it the pictures.

use quircs::Quirc;
use wasm_bindgen::prelude::wasm_bindgen;

/// A token has so many characters at least; see the app's own reading of what is typed.
const TOKEN_CHARS: usize = 32;
/// A code without its dash.
const CODE_CHARS: usize = 8;

/// What a person would type for the code in a picture of rows of red, green, blue and opacity: `#` and the
/// token of a link, or a code. Empty for a code that is no invitation, nothing for a picture without any.
#[wasm_bindgen]
pub fn read(rgba: &[u8], width: usize) -> Option<String> {
    // Green is most of what an eye, and a camera, sees.
    let grey: Vec<u8> = rgba
        .chunks_exact(4)
        .map(|point| ((u16::from(point[0]) + 2 * u16::from(point[1]) + u16::from(point[2])) / 4) as u8)
        .collect();
    let height = grey.len().checked_div(width)?;
    let mut reader = Quirc::default();
    let texts = reader
        .identify(width, height, &in_black_and_white(&grey, width, height))
        .flatten()
        .filter_map(|code| Some(code.decode().ok()?.payload));
    let mut found = None;
    for text in texts {
        let told = std::str::from_utf8(&text).ok().and_then(invitation);
        if let Some(told) = told {
            return Some(told.to_owned());
        }
        found = Some(String::new());
    }
    found
}

/// Dark is what is darker than its surroundings: light falls from one side, and a screen shines by itself.
fn in_black_and_white(grey: &[u8], width: usize, height: usize) -> Vec<u8> {
    // The sum of all points above and left of each, so that any rectangle is four look-ups.
    let across = width + 1;
    let mut sums = vec![0_u32; across * (height + 1)];
    for y in 0..height {
        let mut row = 0;
        for x in 0..width {
            row += u32::from(grey[y * width + x]);
            sums[(y + 1) * across + x + 1] = sums[y * across + x + 1] + row;
        }
    }
    let reach = (width / 12).max(1);
    let mut out = Vec::with_capacity(grey.len());
    for y in 0..height {
        let (top, bottom) = (y.saturating_sub(reach), (y + reach).min(height));
        for x in 0..width {
            let (left, right) = (x.saturating_sub(reach), (x + reach).min(width));
            let at = |x: usize, y: usize| sums[y * across + x];
            let sum = at(right, bottom) + at(left, top) - at(left, bottom) - at(right, top);
            let points = ((bottom - top) * (right - left)) as u32;
            let is_dark = u32::from(grey[y * width + x]) * points * 8 < sum * 7;
            out.push(if is_dark { 0 } else { 255 });
        }
    }
    out
}

/// The part of a text that lets somebody in, if it has one.
fn invitation(text: &str) -> Option<&str> {
    let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let text = text.trim();
    if let Some((_, token)) = text.split_once("/join#") {
        return (token.len() >= TOKEN_CHARS && is_plain(token)).then(|| &text[text.len() - token.len() - 1..]);
    }
    let code = text.replace('-', "");
    (code.len() == CODE_CHARS && is_plain(&code)).then_some(text)
}

#[cfg(test)]
mod tests {
    use qrcodegen::{QrCode, QrCodeEcc};

    use super::*;

    const LINK: &str = "https://log.example.org/join#0123456789ABCDEFGHJKMNPQRSTVWXYZ0123456789ABCDEFGHJK";
    const WIDTH: usize = 480;
    const HEIGHT: usize = 360;

    /// A picture of `text` as a camera sees it: turned, off the middle, in light that falls from one side.
    fn picture(text: &str, degrees: f64, module: f64) -> Vec<u8> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).expect("it fits");
        let (sin, cos) = degrees.to_radians().sin_cos();
        let middle = f64::from(code.size()) / 2.0;
        let mut rgba = Vec::new();
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let (dx, dy) = (x as f64 - 260.0, y as f64 - 170.0);
                let (u, v) = ((cos * dx + sin * dy) / module + middle, (cos * dy - sin * dx) / module + middle);
                let is_dark = code.get_module(u.floor() as i32, v.floor() as i32);
                let light = 90 + (x * 120 / WIDTH) as u8 + (y * 30 / HEIGHT) as u8;
                let grey = if is_dark { light / 4 } else { light };
                rgba.extend([grey, grey, grey.saturating_sub(9), 255]);
            }
        }
        rgba
    }

    #[test]
    fn an_invitation_is_read_however_the_phone_is_held() {
        let token = Some(LINK[LINK.find('#').expect("it has one")..].to_owned());
        for degrees in [0.0, 7.0, 33.0, 90.0, 141.0, 180.0, 270.0] {
            for module in [4.5, 6.0] {
                let told = read(&picture(LINK, degrees, module), WIDTH);
                assert_eq!(told, token, "turned by {degrees}, {module} points to a module");
            }
        }
        assert_eq!(read(&picture("4F7K-9QXZ", 12.0, 6.0), WIDTH).as_deref(), Some("4F7K-9QXZ"));
    }

    #[test]
    fn another_code_is_told_from_none() {
        assert_eq!(read(&picture("https://example.org/menu", 5.0, 6.0), WIDTH).as_deref(), Some(""));
        assert_eq!(read(&[200; WIDTH * HEIGHT * 4], WIDTH), None);
        assert_eq!(read(&[], WIDTH), None);
        assert_eq!(read(&[1, 2, 3, 4], 0), None);
        let noise: Vec<u8> = (0..WIDTH * HEIGHT * 4).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert_eq!(read(&noise, WIDTH), None);
    }

    #[test]
    fn only_an_invitation_is_taken_for_one() {
        for text in
            ["", "/join#", "/join#short", "4F7K-9QX", "WIFI:T:WPA;S:x;;", "/join#<script>0123456789abcdef0123456789"]
        {
            assert_eq!(invitation(text), None, "{text}");
        }
        assert_eq!(invitation(" 4F7K9QXZ\n"), Some("4F7K9QXZ"));
    }
}
