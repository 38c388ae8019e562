//! `report.html` as a browser draws it: Debian's `chromium`, without a window.
//!
//! Where no browser is installed the tests say so and pass; with `STEADFAST_BROWSER=required` they fail.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const SCENARIO: &str = include_str!("outage.toml");

/// What only the browser knows, told to the page around it once everything is drawn.
const PROBE: &str = r#"<script>
const all = (what) => [...document.querySelectorAll(what)];
const titles = (what) => all(what + " > title").map((title) => title.textContent);
const count = (what) => all(what).length;
parent.postMessage(JSON.stringify({
  drawn: document.documentElement.dataset.drawn,
  width: innerWidth,
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  dark: getComputedStyle(document.body).backgroundColor !== "rgb(255, 255, 255)",
  plots: Object.fromEntries(["lines", "permits", "heat", "states", "sequence"].map((sort) =>
    [sort, count(`svg[data-plot=${sort}]`)])),
  stretched: all("svg[data-plot]").filter((plot) => !plot.closest("details") &&
    Math.abs(plot.getBoundingClientRect().width / plot.viewBox.baseVal.width - 1) > 0.05).length,
  flat: all("svg[data-plot]").filter((plot) => !plot.closest("details") && plot.getBoundingClientRect().height < 30).length,
  paths: all("path.plot").map((path) => path.getAttribute("d").split("L").length),
  bands: titles(".fault-band"),
  states: titles(".state"),
  plotted: all("svg[data-plot=permits] path.permits").map((path) => path.getAttribute("d")),
  about: document.getElementById("about").textContent,
}), "*");
</script>
"#;

/// A window has a least width, a frame has none. What the page tells is put where the document's dump shows it.
const FRAME: &str = r#"<!doctype html><body style="margin:0"><script>
addEventListener("message", (event) => { document.documentElement.dataset.told = event.data; });
</script><iframe src="probed.html" width="WIDTH" height="900"></iframe></body>
"#;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("steadfast-page-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The browser, or nothing where none is installed and none is required.
fn browser() -> Option<&'static str> {
    let found =
        ["/usr/bin/chromium", "/usr/bin/chromium-browser"].into_iter().find(|path| Path::new(path).exists());
    if found.is_none() {
        let required = std::env::var_os("STEADFAST_BROWSER").is_some_and(|value| value == "required");
        assert!(!required, "chromium is required and not installed");
        eprintln!("skipped: chromium is not installed, so nothing can draw the page");
    }
    found
}

/// Runs the scenario and lets the browser draw its page, so many pixels wide; what the page then tells.
fn drawn(browser: &str, width: u32, dark: bool) -> Value {
    let folder = Folder::new(&format!("{width}-{dark}"));
    let (file, out) = (folder.0.join("outage.toml"), folder.0.join("out"));
    std::fs::write(&file, SCENARIO).unwrap();
    let program = env!("CARGO_BIN_EXE_steadfast-sim");
    let ran = Command::new(program).arg("run").arg(&file).arg("--out").arg(&out).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("</body>"));
    std::fs::write(out.join("probed.html"), page.replace("</body>", &format!("{PROBE}</body>"))).unwrap();
    let framed = out.join("framed.html");
    std::fs::write(&framed, FRAME.replace("WIDTH", &width.to_string())).unwrap();
    let drawn = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!dark)))
        .arg("--window-size=1400,1000")
        .arg(format!("--user-data-dir={}", folder.0.join("profile").display()))
        .arg(format!("file://{}", framed.display()))
        .output()
        .unwrap();
    let dump = String::from_utf8_lossy(&drawn.stdout);
    let told = dump.split("data-told=\"").nth(1).and_then(|rest| rest.split('"').next());
    let told = told.unwrap_or_else(|| panic!("the page's script did not end:\n{dump:.2000}"));
    let told = told.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&told).unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn a_browser_finds_the_plots_the_fault_bands_the_breakers_states_and_the_permits() {
    let Some(browser) = browser() else { return };
    let told = drawn(browser, 1_280, false);
    assert_eq!(told["drawn"], "true");
    assert_eq!(told["about"], "</script><b>a short outage</b>", "what a scenario says is shown as text");
    // Two variants: one without policies that have states or permits, one with a breaker, a bulkhead and a throttle.
    let plots = serde_json::json!({ "lines": 4, "heat": 2, "states": 1, "permits": 2, "sequence": 2 });
    assert_eq!(told["plots"], plots);
    let seconds = |points: &Value| points.as_u64() == Some(20);
    assert!(told["paths"].as_array().unwrap().iter().all(seconds), "each line has 20 seconds: {told}");
    let bands = texts(&told["bands"]);
    for band in ["service:db: hang, 5 s to 10 s", "actor:breaker/db: hang, 12 s to 14 s"] {
        let found = bands.iter().filter(|found| **found == band).count();
        assert_eq!(found, 4 + 2 + 1 + 2, "once in each plot over time: {band} in {bands:?}");
    }
    let states = texts(&told["states"]);
    for state in ["closed, 0 s to ", "open, ", "half_open, "] {
        let found = states.iter().any(|found| found.contains(&format!("breaker/db: {state}")));
        assert!(found, "no bar says {state}: {states:?}");
    }
    let permits = texts(&told["plotted"]);
    for path in permits {
        let places = path.split(['M', 'L']).filter_map(|place| place.split(' ').nth(1));
        let heights: Vec<&str> = places.collect();
        assert!(heights.iter().any(|height| *height != heights[0]), "permits in use never change: {path}");
    }
}

#[test]
fn the_page_fits_wide_and_narrow_windows_in_light_and_dark() {
    let Some(browser) = browser() else { return };
    for (width, dark) in [(1_280, true), (400, false), (400, true)] {
        let told = drawn(browser, width, dark);
        assert_eq!((&told["width"], &told["dark"]), (&width.into(), &dark.into()));
        assert_eq!(told["overflow"], 0, "nothing is cut off at the side at {width} px");
        assert_eq!(told["flat"], 0, "each plot is as high as its text needs");
        assert_eq!(told["stretched"], 0, "text in plots is as large as the page's");
    }
}
