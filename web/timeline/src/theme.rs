//! Colours: a palette for light and one for dark.
//!
//! Colour is never the only difference between bad and good: what blocks the loop is hatched and framed, stalls
//! and errors are framed ([`crate::layout`]), and both are darker or brighter than calm things, so that they
//! stand out for people who see red and green alike.

use crate::draw::Paint;
use crate::scene::Look;

/// Which palette.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    #[default]
    Light,
    /// Light on dark.
    Dark,
}

/// A colour in sRGB, and how opaque it is: 255 hides what is below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// Red.
    pub red: u8,
    /// Green.
    pub green: u8,
    /// Blue.
    pub blue: u8,
    /// Opacity.
    pub alpha: u8,
}

impl Colour {
    /// As CSS writes it: `#rrggbbaa`.
    pub fn css(self) -> String {
        let Colour { red, green, blue, alpha } = self;
        format!("#{red:02x}{green:02x}{blue:02x}{alpha:02x}")
    }
}

/// `0xrrggbb`.
const fn solid(rgb: u32) -> Colour {
    let [_, red, green, blue] = rgb.to_be_bytes();
    Colour { red, green, blue, alpha: 255 }
}

const fn thin(rgb: u32, alpha: u8) -> Colour {
    Colour { alpha, ..solid(rgb) }
}

impl Theme {
    /// The colour of a paint.
    pub fn colour(self, paint: Paint) -> Colour {
        match paint {
            Paint::Slice(look) | Paint::Dense(look) => self.slice(look),
            Paint::OnSlice(look) => self.on_slice(look),
            Paint::Edge(look) => self.edge(look),
            _ => self.plain(paint),
        }
    }

    fn pick(self, light: Colour, dark: Colour) -> Colour {
        match self {
            Theme::Light => light,
            Theme::Dark => dark,
        }
    }

    fn plain(self, paint: Paint) -> Colour {
        let (light, dark) = match paint {
            Paint::Background => (solid(0xff_ff_ff), solid(0x16_18_1d)),
            Paint::Gutter => (solid(0xf3_f4_f6), solid(0x1f_22_29)),
            Paint::Stripe => (solid(0xf8_f9_fb), solid(0x1a_1d_23)),
            Paint::Grid => (solid(0xdc_df_e4), solid(0x33_37_40)),
            Paint::Text => (solid(0x1c_1f_24), solid(0xe6_e8_ec)),
            Paint::Dim => (solid(0x5a_61_6c), solid(0xa3_aa_b6)),
            Paint::Selection => (solid(0x00_00_00), solid(0xff_ff_ff)),
            Paint::Flow => (solid(0x6b_2f_b3), solid(0xc9_9b_ff)),
            Paint::Found => (solid(0xa8_15_8a), solid(0xff_7a_e0)),
            Paint::Hover => (solid(0x3d_44_4f), solid(0xc3_c9_d3)),
            Paint::Issue => (solid(0xb8_10_20), solid(0xff_6b_6b)),
            Paint::Shade => (thin(0x5a_61_6c, 0x40), thin(0x00_00_00, 0x80)),
            Paint::Range => (thin(0x1f_5f_bf, 0x22), thin(0x7f_b2_ff, 0x2c)),
            Paint::RangeEdge => (solid(0x1f_5f_bf), solid(0x7f_b2_ff)),
            Paint::Cursor => (solid(0x7a_81_8c), solid(0x86_8d_99)),
            Paint::Ghost => (solid(0x6b_2f_b3), solid(0xc9_9b_ff)),
            Paint::Panel => (solid(0xff_ff_ff), solid(0x2a_2e_37)),
            Paint::PanelEdge => (solid(0x7a_81_8c), solid(0x86_8d_99)),
            Paint::PanelText => (solid(0x1c_1f_24), solid(0xf0_f2_f5)),
            Paint::PanelDim => (solid(0x4d_54_5f), solid(0xb8_be_c9)),
            // Those that depend on a look are elsewhere.
            Paint::OnSlice(_) | Paint::Slice(_) | Paint::Dense(_) | Paint::Edge(_) => {
                (solid(0), solid(0))
            }
        };
        self.pick(light, dark)
    }

    /// Calm things are of a middling brightness; what is bad is far darker in light, and far brighter in dark.
    fn slice(self, look: Look) -> Colour {
        let (light, dark) = match look {
            Look::Turn => (0x72_89_ad, 0x5c_73_98),
            Look::Step => (0x4c_8f_c9, 0x44_7c_b0),
            Look::Callback => (0x3f_9a_9a, 0x35_7e_7e),
            Look::Stall => (0x9c_4a_00, 0xff_b4_54),
            Look::BlockingOnLoop => (0x9c_0f_1f, 0xff_97_8e),
            Look::BlockingInPool => (0x5b_97_6b, 0x47_7e_58),
            Look::Job => (0x6b_8f_3f, 0x62_7d_3f),
            Look::Queued => (0x90_90_90, 0x78_7e_88),
            Look::Timer => (0x8a_84_b8, 0x7d_78_b0),
            Look::SignalPending => (0xb0_84_2a, 0xa8_83_3a),
            Look::SignalHandled => (0x4c_8f_c9, 0x44_7c_b0),
            Look::SignalLost => (0x9c_0f_1f, 0xff_97_8e),
            Look::SignalDropped => (0x8a_8a_8a, 0x80_86_90),
            Look::Message => (0x3f_9a_9a, 0x35_7e_7e),
            Look::Process => (0x72_89_ad, 0x5c_73_98),
            Look::Pipe => (0x8f_88_6a, 0x8a_84_68),
            Look::Log => (0x7a_81_8c, 0x70_77_83),
            Look::Warning => (0xa0_5f_00, 0xe0_a0_40),
            Look::Error => (0x9c_0f_1f, 0xff_97_8e),
            Look::Same => (0x72_89_ad, 0x5c_73_98),
            Look::Moved => (0x9c_4a_00, 0xff_b4_54),
            Look::Missing => (0x7a_1f_6a, 0xf0_9a_e0),
            Look::Extra => (0x9c_0f_1f, 0xff_97_8e),
            Look::End => (0x3d_44_4f, 0xc3_c9_d3),
        };
        self.pick(solid(light), solid(dark))
    }

    /// Black or white, whichever is easier to read.
    fn on_slice(self, look: Look) -> Colour {
        let ground = self.slice(look);
        let (black, white) = (solid(0x00_00_00), solid(0xff_ff_ff));
        if contrast(black, ground) >= contrast(white, ground) { black } else { white }
    }

    /// Told apart from the slice that it is in, and from what is behind the slice.
    fn edge(self, look: Look) -> Colour {
        if look == Look::BlockingOnLoop || look == Look::Missing {
            return self.on_slice(look);
        }
        self.pick(solid(0x2a_08_08), solid(0xff_ff_ff))
    }
}

/// How different two opaque colours are in brightness, from 1 to 21, as WCAG counts it.
pub fn contrast(one: Colour, other: Colour) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(colour: Colour) -> f64 {
    let channel = |value: u8| {
        let value = f64::from(value) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(colour.red) + 0.7152 * channel(colour.green) + 0.0722 * channel(colour.blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOKS: [Look; 24] = [
        Look::Turn,
        Look::Stall,
        Look::Step,
        Look::Callback,
        Look::BlockingOnLoop,
        Look::BlockingInPool,
        Look::Job,
        Look::Queued,
        Look::Timer,
        Look::SignalPending,
        Look::SignalHandled,
        Look::SignalLost,
        Look::SignalDropped,
        Look::Message,
        Look::Process,
        Look::Pipe,
        Look::Log,
        Look::Warning,
        Look::Error,
        Look::Same,
        Look::Moved,
        Look::Missing,
        Look::Extra,
        Look::End,
    ];

    fn check(theme: Theme, on: &[(Paint, Paint)], least: f64) {
        for &(paint, ground) in on {
            let found = contrast(theme.colour(paint), theme.colour(ground));
            assert!(
                found >= least,
                "{theme:?}: {paint:?} on {ground:?} has {found:.2}, not {least}"
            );
        }
    }

    #[test]
    fn texts_can_be_read() {
        for theme in [Theme::Light, Theme::Dark] {
            for ground in [Paint::Background, Paint::Gutter, Paint::Stripe] {
                check(theme, &[(Paint::Text, ground), (Paint::Dim, ground)], 4.5);
            }
            check(theme, &[(Paint::PanelText, Paint::Panel), (Paint::PanelDim, Paint::Panel)], 4.5);
            for look in LOOKS {
                check(theme, &[(Paint::OnSlice(look), Paint::Slice(look))], 4.5);
            }
        }
    }

    #[test]
    fn marks_are_seen_on_every_ground() {
        for theme in [Theme::Light, Theme::Dark] {
            for ground in [Paint::Background, Paint::Stripe] {
                for look in LOOKS {
                    check(
                        theme,
                        &[(Paint::Slice(look), ground), (Paint::Dense(look), ground)],
                        3.0,
                    );
                }
                for paint in [
                    Paint::Selection,
                    Paint::Flow,
                    Paint::Found,
                    Paint::Hover,
                    Paint::RangeEdge,
                    Paint::Cursor,
                    Paint::Ghost,
                ] {
                    check(theme, &[(paint, ground)], 3.0);
                }
            }
            check(theme, &[(Paint::Issue, Paint::Gutter), (Paint::Issue, Paint::Background)], 3.0);
            check(
                theme,
                &[(Paint::RangeEdge, Paint::Gutter), (Paint::PanelEdge, Paint::Panel)],
                3.0,
            );
        }
    }

    #[test]
    fn what_blocks_the_loop_is_told_from_calm_things_by_brightness_and_pattern() {
        for theme in [Theme::Light, Theme::Dark] {
            let bad = [Look::BlockingOnLoop, Look::Error, Look::SignalLost];
            for bad in bad {
                for calm in [Look::BlockingInPool, Look::Turn, Look::Step, Look::Job, Look::Log] {
                    check(theme, &[(Paint::Slice(bad), Paint::Slice(calm))], 1.8);
                }
            }
            let hatched = [Look::BlockingOnLoop, Look::Missing];
            for look in hatched {
                check(theme, &[(Paint::Edge(look), Paint::Slice(look))], 3.0);
            }
        }
    }

    #[test]
    fn a_colour_is_written_for_css() {
        assert_eq!(Theme::Light.colour(Paint::Shade).css(), "#5a616c40");
        assert_eq!(Theme::Dark.colour(Paint::Background).css(), "#16181dff");
    }
}
