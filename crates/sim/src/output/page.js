"use strict";
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const run = read("run"), page = read("page");
// Plots are as wide as their panels, so that their text is as large as the page's.
let WIDTH = 560;
const LEFT = 44, RIGHT = 8;
// A scenario may have a pool for each of many handlers; the first ones stand for the rest, whose figures are in run.json.
const MOST_POOLS = 8;
const byId = (id) => document.getElementById(id);

function html(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function svg(tag, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

const short = (value) =>
  value === null || value === undefined ? "–"
    : Math.abs(value) >= 1e6 ? Number((value / 1e6).toPrecision(3)) + "M"
    : Math.abs(value) >= 1e4 ? Number((value / 1e3).toPrecision(3)) + "k"
    : Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
const sum = (table) => Object.values(table || {}).reduce((all, one) => all + one, 0);

function facts() {
  byId("name").append(run.scenario + " ", html("span", { class: "verdict " + run.verdict }, run.verdict));
  byId("about").textContent = page.about;
  byId("facts").append(
    `seed ${run.seed} · ${short(run.virtual_s)} s of virtual time · ${short(run.events)} events · digest `,
    html("code", { title: run.digest }, run.digest.slice(0, 16)), " · replay: ", html("code", {}, page.replay));
}

function variants() {
  const latency = (read) => (v) => v.latency_ms.max ? short(read(v.latency_ms)) : "–";
  const columns = [
    ["variant", (v) => v.name], ["offered", (v) => short(v.offered)], ["goodput/s", (v) => short(v.goodput_per_s)],
    ["attempts", (v) => short(v.attempts)], ["success", (v) => (v.success_ratio * 100).toFixed(1) + " %"],
    ["degraded", (v) => short(v.degraded)], ["rejected", (v) => short(sum(v.rejected))],
    ["p50 ms", latency((l) => l.p50)], ["p99 ms", latency((l) => l.p99)],
    ["p99.9 ms", latency((l) => l.p999)], ["max ms", latency((l) => l.max)],
    ["recovery s", (v) => short(v.recovery_s)], ["transitions", (v) => short(sum(v.transitions))],
  ];
  byId("variants").append(
    html("thead", {}, html("tr", {}, ...columns.map(([name]) => html("th", { scope: "col" }, name)))),
    html("tbody", {}, ...run.variants.map((variant) =>
      html("tr", {}, ...columns.map(([, cell]) => html("td", {}, cell(variant)))))));
}

function checks() {
  const rows = [];
  const row = (ok, ...cells) => rows.push(html("tr", { class: "check" },
    html("td", { class: ok === null ? "idle" : ok ? "yes" : "no" }, ok === null ? "idle" : ok ? "held" : "failed"), ...cells.map((cell) => html("td", {}, cell))));
  for (const check of run.expect) row(check.ok, check.variant, check.metric, `${short(check.value)} (${check.bound})`);
  for (const check of run.invariants) row(check.detail === "0 checks" ? null : check.ok, "always", check.name, check.detail || "");
  if (rows.length) byId("checks").append(html("h2", {}, "What had to hold"),
    html("div", { class: "scroll" }, html("table", {}, html("tbody", {}, ...rows))));
}

// A frame with axes; `x` and `y` map seconds and values to places.
function frame(height, end, top, details) {
  const bottom = height - 16;
  const x = (seconds) => LEFT + (WIDTH - LEFT - RIGHT) * seconds / end;
  const y = (value) => bottom - (bottom - 6) * value / top;
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img" });
  for (const fault of details ? details.faults : []) {
    const from = x(Math.min(fault.from_s, end)), to = x(Math.min(fault.to_s === null ? end : fault.to_s, end));
    const band = svg("rect", { class: "fault-band", x: from, y: 6, width: Math.max(to - from, 1.5), height: bottom - 6 });
    band.append(svg("title", {}, `${fault.target}: ${fault.what}, ${fault.from_s} s to ${fault.to_s === null ? "the end" : fault.to_s + " s"}`));
    picture.append(band);
  }
  const step = nice(end / 6);
  for (let tick = 0; tick <= end + 1e-9; tick += step) {
    picture.append(svg("text", { x: x(tick), y: height - 3, "text-anchor": "middle" }, short(tick) + " s"));
  }
  return { picture, x, y, bottom };
}

function nice(rough, factors = [1, 2, 5, 10]) {
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-9)));
  return factors.map((factor) => factor * power).find((step) => step >= rough);
}

function lines(title, name, end, top, details, plots, sort = "lines") {
  const height = sort === "permits" ? 100 : 150, { picture, x, y, bottom } = frame(height, end, top, details);
  picture.setAttribute("aria-label", `${title} of ${name}`);
  picture.setAttribute("data-plot", sort);
  for (const part of [0, .5, 1]) {
    picture.append(svg("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(top * part), y2: y(top * part) }));
    picture.append(svg("text", { x: LEFT - 4, y: y(top * part) + 3, "text-anchor": "end" }, short(top * part)));
  }
  for (const { kind, points } of plots) {
    const path = points.map((value, index) => `${index ? "L" : "M"}${x(index + .5).toFixed(1)} ${y(Math.min(value, top)).toFixed(1)}`);
    picture.append(svg("path", { class: "plot " + kind, d: path.join("") }));
  }
  const hair = svg("line", { class: "hair", y1: 6, y2: bottom }), readout = html("span", { class: "read" });
  picture.append(hair);
  picture.addEventListener("pointermove", (event) => {
    const place = picture.getBoundingClientRect();
    const seconds = ((event.clientX - place.left) / place.width * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT) * end;
    const index = Math.floor(seconds);
    if (!(index >= 0 && index < plots[0].points.length)) return;
    hair.setAttribute("x1", x(index + .5)); hair.setAttribute("x2", x(index + .5)); hair.style.visibility = "visible";
    readout.textContent = `${index} s: ` + plots.map(({ label, points }) => `${label} ${short(points[index])}`).join(", ");
  });
  picture.addEventListener("pointerleave", () => { hair.style.visibility = "hidden"; readout.textContent = ""; });
  return [readout, html("h4", {}, title), picture];
}

function heat(name, end, details) {
  const bands = details.heat.length ? details.heat[0].length : 0;
  let lowest = bands, highest = -1, most = 0;
  for (const column of details.heat) column.forEach((count, band) => {
    if (count) { lowest = Math.min(lowest, band); highest = Math.max(highest, band); most = Math.max(most, count); }
  });
  if (highest < 0) return [];
  lowest = Math.max(lowest - 1, 0); highest = Math.min(highest + 1, bands - 1);
  const top = highest - lowest + 1, { picture, x, y } = frame(130, end, top, details);
  picture.setAttribute("aria-label", `latency of ${name}`);
  picture.setAttribute("data-plot", "heat");
  const bound = (band) => band === 0 ? 0 : 2 ** ((band - 1) / 2);
  const told = (ms) => ms >= 1000 ? short(ms / 1000) + " s" : short(ms) + " ms";
  details.heat.forEach((column, index) => column.forEach((count, band) => {
    if (!count) return;
    const from = x(index * details.column_s), to = x(Math.min((index + 1) * details.column_s, end));
    const cell = svg("rect", { class: "heat", x: from, width: to - from + .3, y: y(band - lowest + 1), height: y(0) - y(1) + .3,
      "fill-opacity": (.12 + .88 * Math.sqrt(count / most)).toFixed(2) });
    cell.append(svg("title", {}, `${index * details.column_s} s: ${count} of ${told(bound(band))} to ${told(bound(band + 1))}`));
    picture.append(cell);
  }));
  const skip = Math.ceil(top / 6);
  for (let band = lowest; band <= highest; band += skip) {
    picture.append(svg("text", { x: LEFT - 4, y: y(band - lowest) + 3, "text-anchor": "end" }, told(bound(band))));
  }
  return [html("h4", {}, "Latency of successes"), picture];
}

// Each actor's states as one row of bars.
function states(variant, end, details) {
  const actors = new Map();
  for (const seen of variant.timeline) {
    const actor = seen.kind + "/" + seen.name;
    if (!actors.has(actor)) actors.set(actor, [{ from: 0, state: seen.from, reason: "" }]);
    actors.get(actor).push({ from: seen.t_ns / 1e9, state: seen.to, reason: seen.reason });
  }
  const rows = [...actors].slice(0, 12);
  if (!rows.length) return [];
  const height = rows.length * 26 + 22, { picture, x } = frame(height, end, 1, details);
  picture.setAttribute("aria-label", `states of ${variant.name}`);
  picture.setAttribute("data-plot", "states");
  const known = ["closed", "open", "half_open", "forced_open", "forced_closed"];
  rows.forEach(([actor, spans], row) => {
    picture.append(svg("text", { x: LEFT, y: row * 26 + 14 }, actor));
    spans.forEach(({ from, state, reason }, index) => {
      const to = index + 1 < spans.length ? spans[index + 1].from : end;
      const bar = svg("rect", { class: "state state-" + (known.includes(state) ? state : "other"), x: x(from), y: row * 26 + 17,
        width: Math.max(x(to) - x(from), .7), height: 9 });
      bar.append(svg("title", {}, `${actor}: ${state}, ${short(from)} s to ${short(to)} s${reason ? ": " + reason : ""}`));
      picture.append(bar);
    });
  });
  const more = actors.size > rows.length ? ` (${actors.size - rows.length} more)` : "";
  const key = (state, word) => html("span", { class: "key" }, html("i", { class: "key-" + state }), word);
  return [html("h4", {}, "States" + more, key("closed", "closed"), key("open", "open"), key("half_open", "half open"),
    key("other", "other")), picture];
}

function sequence(details) {
  const events = details.last;
  if (!events.length) return [];
  const lanes = [...new Set(events.map((event) => event.actor))].slice(0, 8);
  // What is said stands on the left: a narrow page shows it first, and the lanes beside it.
  const step = 15, top = 34, height = top + events.length * step + 8, said = 290, width = said + 110 * lanes.length;
  const x = (actor) => said + 50 + 110 * lanes.indexOf(actor);
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "data-plot": "sequence",
    "aria-label": `events of ${details.name}`, style: `width:${width}px` });
  for (const lane of lanes) {
    picture.append(svg("line", { class: "lane", x1: x(lane), x2: x(lane), y1: 22, y2: height }));
    picture.append(svg("text", { x: x(lane), y: 16, "text-anchor": "middle" }, lane.length > 18 ? lane.slice(0, 17) + "…" : lane));
  }
  const before = new Map();
  events.filter((event) => lanes.includes(event.actor)).forEach((event, row) => {
    const y = top + row * step, id = event.call !== undefined ? "call " + event.call
      : event.request !== undefined ? "request " + event.request : null;
    const last = id === null ? undefined : before.get(id);
    if (last && last.actor !== event.actor) {
      picture.append(svg("line", { class: "message", x1: x(last.actor), y1: last.y, x2: x(event.actor), y2: y }));
    }
    if (id !== null) before.set(id, { actor: event.actor, y });
    picture.append(svg("circle", { class: "event", cx: x(event.actor), cy: y, r: 3 }));
    const what = [event.kind, event.verdict, event.ending, event.to && `-> ${event.to}`, event.reason, id].filter(Boolean).join(" · ");
    const text = svg("text", { class: "event-text", x: 0, y: y + 3 }, what.length > 48 ? what.slice(0, 47) + "…" : what);
    text.prepend(svg("tspan", { class: "event-time" }, `${(event.t / 1e9).toFixed(6)} s `));
    text.append(svg("title", {}, JSON.stringify(event)));
    picture.append(text);
  });
  return [html("details", {}, html("summary", {}, "The events before the first call that failed"),
    html("div", { class: "scroll" }, picture))];
}

function panels() {
  const seen = run.variants.flatMap((variant) => variant.series);
  const most = (read) => Math.max(1, ...run.variants.map((variant) =>
    variant.series.reduce((top, point) => Math.max(top, read(point)), 0)));
  const ceiling = (value) => 2 * nice(value / 2, [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]);
  const rates = ceiling(most((p) => Math.max(p.offered, p.goodput, p.attempts)));
  const depths = ceiling(most((p) => Math.max(p.in_flight, ...(p.queues || []))));
  if (!seen.length) return;
  const pooled = run.variants.some((variant) => (variant.permits || []).length);
  if (!pooled) document.querySelectorAll(".legend .of-pools").forEach((entry) => entry.remove());
  const frames = run.variants.map((variant) =>
    html("article", { class: "panel", "data-variant": variant.name }, html("h3", {}, variant.name)));
  byId("panels").append(...frames);
  WIDTH = Math.max(300, frames[0].querySelector("h3").clientWidth);
  for (const [index, variant] of run.variants.entries()) {
    const panel = frames[index];
    const details = page.details.find((found) => found.name === variant.name);
    const end = Math.max(variant.series.length, 1), points = (read) => variant.series.map(read);
    panel.append(...lines("Requests a second", variant.name, end, rates, details, [
      { kind: "offered", label: "offered", points: points((p) => p.offered) },
      { kind: "attempts", label: "attempts", points: points((p) => p.attempts) },
      { kind: "goodput", label: "goodput", points: points((p) => p.goodput) },
    ]));
    if (details) panel.append(...heat(variant.name, end, details));
    panel.append(...states(variant, end, details));
    panel.append(...lines("In flight and waiting", variant.name, end, depths, details, [
      { kind: "flight", label: "in flight", points: points((p) => p.in_flight) },
      ...page.services.map((service, index) =>
        ({ kind: "waiting", label: `waiting for ${service}`, points: points((p) => (p.queues || [])[index] || 0) })),
    ]));
    for (const pool of (variant.permits || []).slice(0, MOST_POOLS)) {
      const top = ceiling(Math.max(1, ...pool.most, ...pool.capacity));
      panel.append(...lines(`Permits of ${pool.kind} ${pool.name}`, variant.name, end, top, details, [
        { kind: "capacity", label: "capacity", points: pool.capacity },
        { kind: "peak", label: "at most", points: pool.most },
        { kind: "permits", label: "in use", points: pool.in_use },
      ], "permits"));
    }
    if (details) panel.append(...sequence(details));
  }
}

facts();
variants();
checks();
panels();
document.documentElement.dataset.drawn = "true";
