//! What this device prefers: theme, units, hand. Kept on the device, applied at once.

use leptos::prelude::*;

use super::replica::Device;
use crate::domain::units::VolumeUnit;

/// The names under which the settings are kept. The page's boot code reads `theme` too, so that
/// the first paint has the right colours.
const THEME: &str = "theme";
const UNITS: &str = "units";
const HAND: &str = "hand";

/// Signals of the settings. Themes are `auto`, `light`, `dark`, `night`; hands `left`, `right`.
#[derive(Clone, Copy)]
pub(crate) struct Prefs {
    pub(crate) theme: RwSignal<String>,
    pub(crate) units: RwSignal<String>,
    pub(crate) hand: RwSignal<String>,
}

impl Prefs {
    pub(crate) fn load(device: Device) -> Self {
        let kept = |name: &str, default: &str| {
            let value = RwSignal::new(device.port().setting(name).unwrap_or_else(|| default.to_owned()));
            let name = name.to_owned();
            Effect::watch(move || value.get(), move |value, _, _| device.port().set_setting(&name, value), false);
            value
        };
        let prefs = Self { theme: kept(THEME, "auto"), units: kept(UNITS, "ml"), hand: kept(HAND, "right") };
        Effect::new(move |_| apply_theme(&prefs.theme.get()));
        prefs
    }

    /// The unit as it is now, for a form that keeps the one it was opened with.
    pub(crate) fn volume_unit_now(self) -> VolumeUnit {
        untrack(|| self.volume_unit())
    }

    pub(crate) fn volume_unit(self) -> VolumeUnit {
        if self.units.with(|units| units == "oz") { VolumeUnit::Oz } else { VolumeUnit::Ml }
    }

    pub(crate) fn left_handed(self) -> bool {
        self.hand.with(|hand| hand == "left")
    }
}

/// Themes redefine tokens under `data-theme`; with `auto` the system's preference holds.
fn apply_theme(theme: &str) {
    let Some(root) = document().document_element() else { return };
    let theme = if matches!(theme, "light" | "dark" | "night") { theme } else { "auto" };
    // The root element of a document takes any attribute.
    let _ = root.set_attribute("data-theme", theme);
}
