//! What this device prefers: theme, units, clock, hand. Kept on the device, applied at once. The theme itself is
//! shown by the page's own script (`public/shell/theme.js`), which is there before the first paint.

use leptos::prelude::*;

use super::{intl, nursery::Nursery, replica::Device};
use crate::domain::units::VolumeUnit;

/// The names under which the settings are kept.
const THEME: &str = "theme";
/// Whether `auto` is night during the night hours of the baby on screen.
const NIGHT_HOURS: &str = "nightHours";
/// Those hours and the baby's zone, for the page's script; empty when they are not wanted.
const NIGHT: &str = "night";
const UNITS: &str = "units";
const CLOCK: &str = "clock";
const HAND: &str = "hand";

/// Signals of the settings. Themes are `auto`, `light`, `dark`, `night`; clocks `auto`, `12`, `24`; hands `left`,
/// `right`.
#[derive(Clone, Copy)]
pub(crate) struct Prefs {
    pub(crate) theme: RwSignal<String>,
    /// `on` or `off`.
    pub(crate) night_hours: RwSignal<String>,
    pub(crate) units: RwSignal<String>,
    pub(crate) clock: RwSignal<String>,
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
        let prefs = Self {
            theme: kept(THEME, "auto"),
            night_hours: kept(NIGHT_HOURS, "off"),
            units: kept(UNITS, "ml"),
            clock: kept(CLOCK, "auto"),
            hand: kept(HAND, "right"),
        };
        // Before anything is drawn, and with every change.
        prefs.clock.with_untracked(|clock| intl::set_clock(clock));
        Effect::watch(move || prefs.clock.get(), |clock, _, _| intl::set_clock(clock), false);
        prefs
    }

    /// Keeps the night hours of the baby on screen where the page's script finds them.
    pub(crate) fn follow_nights(self, device: Device, nursery: Nursery) {
        let night = Memo::new(move |_| {
            let Some(profile) = nursery.profile().filter(|_| self.has_night_colours()) else {
                // A profile that is still being read takes nothing back.
                return (!self.has_night_colours()).then(String::new);
            };
            let hours = nursery.night_hours(&profile).map(|(from, to)| format!("{from} {to} {}", nursery.zone.get()));
            Some(hours.unwrap_or_default())
        });
        Effect::new(move |_| {
            if let Some(night) = night.get() {
                device.port().set_setting(NIGHT, &night);
            }
        });
    }

    /// Whether the theme is to follow the baby's nights.
    pub(crate) fn has_night_colours(self) -> bool {
        self.night_hours.with(|wanted| wanted == "on")
    }

    /// The unit as it is now, for a form that keeps the one it was opened with.
    pub(crate) fn volume_unit_now(self) -> VolumeUnit {
        untrack(|| self.volume_unit())
    }

    pub(crate) fn volume_unit(self) -> VolumeUnit {
        if self.units.with(|units| units == "oz") { VolumeUnit::Oz } else { VolumeUnit::Ml }
    }

    /// The side of the hand, as lines are written: `start` or `end`.
    pub(crate) fn side(self) -> &'static str {
        let from_right = document().document_element().and_then(|root| root.get_attribute("dir"));
        let is_left = self.hand.with(|hand| hand == "left");
        if is_left == (from_right.as_deref() != Some("rtl")) { "start" } else { "end" }
    }
}
