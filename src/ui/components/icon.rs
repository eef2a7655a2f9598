//! The pictures, drawn for this app on a 24 × 24 grid. They accompany words and never replace
//! them, so screen readers skip them.

use leptos::prelude::*;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glyph {
    Bottle,
    Breast,
    Nappy,
    Moon,
    Sun,
    Home,
    List,
    People,
    Gear,
    Sync,
    Offline,
    Check,
    Warning,
    Close,
    Swap,
    Stop,
    Pause,
    Play,
    Bin,
    Restore,
    Clock,
    Key,
}

impl Glyph {
    fn path(self) -> &'static str {
        match self {
            Self::Bottle => {
                "M9.5 2.5h5v3h-5zM8.5 5.5h7v2.5c1.2.9 1.5 2 1.5 3.5v8a2 2 0 0 1-2 2H9a2 2 0 0 1-2-2v-8c0-1.5.3-2.6 1.5-3.5zM7.2 13.5h4M7.2 17h4"
            }
            Self::Breast => {
                "M5 3c0 5 .5 6.500-1 9.500-1.500 4.500 2 8.500 7 8.500s9-3.500 9-8.500c0-3.500-2.500-5-3-9.500M11.500 15.500a1.700 1.700 0 1 0 3.400 0 1.700 1.700 0 1 0-3.400 0"
            }
            Self::Nappy => "M3 6h18v4.500c-3.500 0-6 3-6 7.500H9c0-4.500-2.500-7.500-6-7.500zM3 8.500h4M17 8.500h4",
            Self::Moon => "M19.500 14.500A8 8 0 1 1 9.500 4.500a6.500 6.500 0 0 0 10 10z",
            Self::Sun => {
                "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400"
            }
            Self::Home => "M4 11.500 12 4l8 7.500V20h-5.500v-5.500h-5V20H4z",
            Self::List => "M8.500 6H20M8.500 12H20M8.500 18H20M4 6h.5M4 12h.5M4 18h.5",
            Self::People => {
                "M9 5.500a3.200 3.200 0 1 0 0 6.400 3.200 3.200 0 0 0 0-6.400zM3 19.500c.3-3.500 2.700-5.500 6-5.500s5.700 2 6 5.500M16 6a2.800 2.800 0 0 1 0 5.500M17.500 14.300c2.100.7 3.300 2.500 3.500 5.200"
            }
            Self::Gear => {
                "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.800a2.200 2.200 0 1 0 0 4.400 2.200 2.200 0 0 0 0-4.400zM9 14.800a2.200 2.200 0 1 0 0 4.400 2.200 2.200 0 0 0 0-4.400z"
            }
            Self::Sync => {
                "M19.500 10.500A8 8 0 0 0 5.500 7.500L4 9.500M4 4.500v5h5M4.500 13.500a8 8 0 0 0 14 3l1.500-2M20 19.500v-5h-5"
            }
            Self::Offline => {
                "M7.500 18.500H7a4 4 0 0 1-.8-7.900M9.500 6.700a6 6 0 0 1 8.200 4.300 3.800 3.800 0 0 1 1.800 6.700M4 3.500l16 17"
            }
            Self::Check => "M4.500 12.500 10 18 19.500 7",
            Self::Warning => "M12 4 2.800 20h18.400zM12 10v4.500M12 17.200v.3",
            Self::Close => "M5.500 5.500l13 13M18.500 5.500l-13 13",
            Self::Swap => "M4 9h15M15 5l4 4-4 4M20 16H6M9 12.500 5.500 16 9 19.500",
            Self::Stop => "M7 7h10v10H7z",
            Self::Pause => "M8.500 6v12M15.500 6v12",
            Self::Play => "M8 5.500v13l10.500-6.500z",
            Self::Bin => "M5 7h14M9.500 7V4.500h5V7M6.500 7l1 13h9l1-13M10.300 10.500v6M13.700 10.500v6",
            Self::Restore => "M4.500 4.500v5.500h5.500M5 10a8 8 0 1 1-.6 4.500",
            Self::Clock => "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4.300l3 1.900",
            Self::Key => "M8 11.500a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 13l8.500-8.500M16 8l3 3",
        }
    }
}

/// One picture, as large as the text beside it unless CSS says otherwise.
#[component]
pub(crate) fn Icon(glyph: Glyph) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d=glyph.path()></path>
        </svg>
    }
}
