//! The findings as one HTML page that needs nothing else: style and plots stand in it.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::report;
use super::statistics::{share, LIMITS_MS};
use super::Findings;
use crate::failure::{Failure, Outcome};
use crate::options::duration_text;

const PLOT: (u32, u32) = (920, 340);
const BAR: RGBColor = RGBColor(70, 120, 180);
const MARK: RGBColor = RGBColor(200, 60, 40);

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>What if: sessions under other rules</title>
<link rel="icon" href="data:,">
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 60rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; margin: .5rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
svg { max-width: 100%; height: auto; }
p { max-width: 48rem; } .small { color: #666; font-size: .9rem; }
pre { background: #f6f6f6; padding: .6rem; overflow-x: auto; font-size: .85rem; }
</style>
</head>
<body>
"#;

/// The page.
pub(super) fn page(findings: &Findings) -> Outcome<String> {
    let mut page = HEAD.to_owned();
    page.push_str("<h1>Sessions under other rules</h1>\n");
    page.push_str(&format!(
        "<p class=\"small\">{}: {}</p>\n",
        escaped(&findings.inputs.join(", ")),
        escaped(&report::foot(findings))
    ));
    page.push_str("<h2>The comparison</h2>\n");
    page.push_str(&html_table(&report::COLUMNS, &report::rows(findings)));
    page.push_str(&format!("<p class=\"small\">{}</p>\n", escaped(report::LEGEND)));
    page.push_str(&drawn(|plot| draw_sessions(plot, findings))?);
    page.push_str(&drawn(|plot| draw_single(plot, findings))?);
    page.push_str("<h2>Gaps between a user's events</h2>\n");
    page.push_str(&drawn(|plot| draw_gaps(plot, findings))?);
    page.push_str(
        "<p class=\"small\">Red: the timeouts in force. A timeout in the middle of many gaps cuts \
         through what users do; one where gaps are few does not.</p>\n",
    );
    let columns = ["gap up to", "gaps", "share", "up to here", "in force"];
    page.push_str(&html_table(&columns, &report::gap_rows(findings)));
    page.push_str("<h2>The rules</h2>\n");
    for candidate in &findings.candidates {
        let rules = serde_json::to_string_pretty(&candidate.job.core.rules_file);
        page.push_str(&format!(
            "<details><summary>{}</summary><pre>{}</pre></details>\n",
            escaped(&candidate.name),
            escaped(&rules.unwrap_or_default())
        ));
    }
    page.push_str("</body>\n</html>\n");
    Ok(page)
}

fn html_table(columns: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |tag: &str, cells: Vec<&str>| -> String {
        cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell))).collect()
    };
    let mut table = format!("<table>\n<tr>{}</tr>\n", cells("th", columns.to_vec()));
    for row in rows {
        let row = cells("td", row.iter().map(String::as_str).collect());
        table.push_str(&format!("<tr>{row}</tr>\n"));
    }
    table.push_str("</table>\n");
    table
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

type Plot<'p> = DrawingArea<SVGBackend<'p>, plotters::coord::Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// A plot as an element of the page.
fn drawn(draw: impl Fn(&Plot<'_>) -> Drawn) -> Outcome<String> {
    let mut svg = String::new();
    {
        let plot = SVGBackend::with_string(&mut svg, PLOT).into_drawing_area();
        draw(&plot)
            .and_then(|()| plot.present().map_err(Into::into))
            .map_err(|error| Failure::run(format!("cannot draw a plot: {error}")))?;
    }
    // In a page, an element needs no name space; so no address stands in it.
    let element = svg.replace(" xmlns=\"http://www.w3.org/2000/svg\"", "");
    Ok(format!("<figure style=\"margin:0\">\n{element}</figure>\n"))
}

fn draw_sessions(plot: &Plot<'_>, findings: &Findings) -> Drawn {
    let values = findings
        .candidates
        .iter()
        .map(|candidate| candidate.statistics.sessions as f64)
        .collect::<Vec<_>>();
    draw_bars(plot, findings, "sessions", &values, |value| format!("{value:.0}"))
}

fn draw_single(plot: &Plot<'_>, findings: &Findings) -> Drawn {
    let values = findings
        .candidates
        .iter()
        .map(|candidate| candidate.statistics.single_share() * 100.0)
        .collect::<Vec<_>>();
    draw_bars(plot, findings, "sessions with a single event, %", &values, |value| {
        format!("{value:.0}%")
    })
}

/// Text in the middle under its place.
fn below_the_axis() -> TextStyle<'static> {
    ("sans-serif", 14).into_font().into_text_style(&PLOT).pos(Pos::new(HPos::Center, VPos::Top))
}

/// A bar for each candidate, from zero.
fn draw_bars(
    plot: &Plot<'_>,
    findings: &Findings,
    caption: &str,
    values: &[f64],
    label: fn(&f64) -> String,
) -> Drawn {
    let most = values.iter().copied().fold(0.0, f64::max).max(1.0);
    let count = values.len() as f64;
    let mut chart = ChartBuilder::on(plot)
        .caption(caption, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(35)
        .y_label_area_size(75)
        .build_cartesian_2d(0.0..count, 0.0..most * 1.05)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_labels(6)
        .max_light_lines(1)
        .y_label_formatter(&label)
        .draw()?;
    for (index, (candidate, value)) in findings.candidates.iter().zip(values).enumerate() {
        let left = index as f64;
        chart.draw_series([Rectangle::new(
            [(left + 0.15, 0.0), (left + 0.85, *value)],
            BAR.filled(),
        )])?;
        chart.draw_series([Text::new(
            candidate.name.clone(),
            (left + 0.5, -most * 0.02),
            below_the_axis(),
        )])?;
    }
    Ok(())
}

/// Share of the gaps in each class, over a logarithmic axis of time, with the timeouts in force.
fn draw_gaps(plot: &Plot<'_>, findings: &Findings) -> Drawn {
    let classes = findings.gaps.classes();
    let shares: Vec<f64> =
        classes.iter().map(|class| share(class.gaps, findings.gaps.gaps) * 100.0).collect();
    let most = shares.iter().copied().fold(0.0, f64::max).max(1.0);
    let from_ms = LIMITS_MS.first().map_or(1.0, |first| *first as f64 / 2.0);
    let to_ms = LIMITS_MS.last().map_or(1.0, |last| *last as f64 * 2.0);
    let mut chart = ChartBuilder::on(plot)
        .caption("share of the gaps by their length, %", ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(35)
        .y_label_area_size(75)
        .build_cartesian_2d((from_ms.log10())..(to_ms.log10()), 0.0..most * 1.15)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_labels(6)
        .max_light_lines(1)
        .y_label_formatter(&|value| format!("{value:.0}%"))
        .draw()?;
    let mut left = from_ms.log10();
    for (class, share) in classes.iter().zip(&shares) {
        let right = class.up_to_ms.map_or(to_ms, |ms| ms as f64).log10();
        chart.draw_series([Rectangle::new([(left, 0.0), (right, *share)], BAR.filled())])?;
        chart.draw_series([Rectangle::new([(left, 0.0), (right, *share)], WHITE)])?;
        left = right;
    }
    for ms in [1000, 10_000, 60_000, 600_000, 3_600_000, 21_600_000, 86_400_000, 604_800_000] {
        let at = (ms as f64).log10();
        let text = Text::new(duration_text(ms), (at, -most * 0.02), below_the_axis());
        chart.draw_series([text])?;
    }
    for (index, (_, ms)) in report::timeouts(findings.candidates.first()).iter().enumerate() {
        let at = (*ms as f64).log10();
        let top = most * (1.14 - 0.06 * (index % 2) as f64);
        chart.draw_series(LineSeries::new([(at, 0.0), (at, top)], MARK.stroke_width(2)))?;
        let style = ("sans-serif", 14).into_font().color(&MARK);
        chart.draw_series([Text::new(duration_text(*ms), (at + 0.03, top), style)])?;
    }
    Ok(())
}
