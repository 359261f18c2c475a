//! The curve of a forecast as a picture that stands alone: SVG 1.1, without
//! scripts, fonts or anything to load. Its colours do on light and on dark.

use std::fmt::Write as _;

use jiff::ToSpan;
use jiff::civil::Date;

use super::text::{chart_step, forecast_title, thousands};
use crate::forecast::{Day, Forecast, OfVolume, Subject};

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 384.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 96.0;
const BOTTOM: f64 = 48.0;
/// Ticks above zero; [`chart_step`] counts with as many.
const TICKS: usize = 4;

/// The curve of a forecast as SVG.
pub fn forecast_svg(forecast: &Forecast) -> String {
    let days = forecast.days.as_slice();
    let away = || forecast.copies.iter().map(|there| there.days.as_slice());
    let all = std::iter::once(days).chain(away());
    let step = chart_step(all.flatten().map(|day| day.snapshots).max().unwrap_or_default());
    let top = (step * TICKS) as f64;
    let across = (WIDTH - LEFT - RIGHT) / days.len().max(1) as f64;
    let x = |day: usize| LEFT + across * day as f64;
    let y = |count: usize| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * count as f64 / top;
    let mut svg = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"12\">"
    );
    let title = forecast_title(forecast);
    let _ = writeln!(svg, "<title>{}</title>", escaped(&title));
    // Larger letters, of which fewer have room.
    let title = escaped(&cut(&title, 72));
    let _ =
        writeln!(svg, "<text x=\"{LEFT}\" y=\"28\" font-size=\"16\" font-weight=\"600\" fill=\"{INK}\">{title}</text>");
    let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"48\" fill=\"{INK}\">{}</text>", escaped(&subtitle(forecast)));
    let copies: Vec<String> = forecast.copies.iter().map(|there| there.destination.to_string()).collect();
    let counted = match copies.as_slice() {
        [] => "snapshots at the end of each day".to_owned(),
        to => escaped(&cut(&format!("snapshots at the end of each day; dashed: copies in {}", to.join(", ")), 100)),
    };
    let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"{}\" fill=\"{INK}\">{counted}</text>", TOP - 12.0);
    for tick in 0..=TICKS {
        let (count, at) = (step * tick, y(step * tick));
        let width = if tick == 0 { 1.0 } else { 0.5 };
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{:.1}\" y2=\"{at:.1}\" stroke=\"{INK}\" stroke-width=\"{width}\" \
             stroke-opacity=\"0.6\"/>",
            WIDTH - RIGHT
        );
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{INK}\">{}</text>",
            LEFT - 8.0,
            at + 4.0,
            thousands(count as u64)
        );
    }
    for (day, label) in dates(days) {
        let at = x(day);
        let base = HEIGHT - BOTTOM;
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"{base:.1}\" x2=\"{at:.1}\" y2=\"{:.1}\" stroke=\"{INK}\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"{INK}\">{label}</text>",
            base + 5.0,
            base + 20.0
        );
    }
    let line = steps(days, x, y);
    let _ = writeln!(
        svg,
        "<path d=\"{line}V{:.1}H{LEFT:.1}Z\" fill=\"{CURVE}\" fill-opacity=\"0.25\"/>\n\
         <path d=\"{line}\" fill=\"none\" stroke=\"{CURVE}\" stroke-width=\"1.5\"/>",
        y(0)
    );
    for (index, days) in away().enumerate() {
        // Told apart without colour: the first is dashed long, the next ones shorter.
        let dash = [8, 5, 3, 2].get(index).copied().unwrap_or(1);
        let _ = writeln!(
            svg,
            "<path d=\"{}\" fill=\"none\" stroke=\"{INK}\" stroke-width=\"1.5\" stroke-dasharray=\"{dash} 3\"/>",
            steps(days, x, y)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// A step for each day, drawn where the count changes.
fn steps(days: &[Day], x: impl Fn(usize) -> f64, y: impl Fn(usize) -> f64) -> String {
    let mut line = format!("M{LEFT:.1} {:.1}", y(days.first().map_or(0, |day| day.snapshots)));
    let mut before = days.first().map(|day| day.snapshots);
    for (index, day) in days.iter().enumerate() {
        if before != Some(day.snapshots) {
            let _ = write!(line, "H{:.1}V{:.1}", x(index), y(day.snapshots));
            before = Some(day.snapshots);
        }
    }
    let _ = write!(line, "H{:.1}", x(days.len()));
    line
}

/// A grey that is told apart from white and from black alike (4.5 to 1 from both).
const INK: &str = "#767676";
/// A blue that does on both.
const CURVE: &str = "#2f81f7";

/// What is taken for granted.
fn subtitle(forecast: &Forecast) -> String {
    let told = match &forecast.subject {
        Subject::ImaginedVolume(OfVolume { schedule, retention, size_gib: _, copy_retention: _ }) => {
            format!("Backup {schedule}, Retention {retention}, {}", forecast.time_zone)
        }
        Subject::Inventory(_) => format!("tags as they are at the start, {}", forecast.time_zone),
    };
    // About as much as has room.
    cut(&told, 100)
}

/// At most so many characters.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most - 1).chain(['…']).collect() }
}

/// The days under which a date stands, at most nine: firsts of months or years
/// where the span is long, else every so many days.
fn dates(days: &[Day]) -> Vec<(usize, String)> {
    const MOST: i32 = 9;
    let Some((first, last)) = days.first().zip(days.last()) else { return Vec::new() };
    let months = (i32::from(last.date.year()) - i32::from(first.date.year())) * 12 + i32::from(last.date.month())
        - i32::from(first.date.month());
    let every = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1_200].into_iter().find(|every| months / every < MOST);
    let index = |date: Date| usize::try_from((date - first.date).get_days()).unwrap_or(0);
    match every {
        Some(every) if months >= 3 => {
            let start = first.date.first_of_month();
            let start = if start < first.date { start.saturating_add(1.month()) } else { start };
            let firsts = start.series(every.months()).take_while(|date| *date <= last.date);
            firsts.map(|date| (index(date), date.strftime("%Y-%m").to_string())).collect()
        }
        _ => {
            // Nine dates with their year would touch.
            let every = days.len().div_ceil(8);
            days.iter().enumerate().step_by(every).map(|(index, day)| (index, day.date.to_string())).collect()
        }
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // XML has no way to write them.
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
