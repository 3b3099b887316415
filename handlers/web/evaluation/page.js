"use strict";
(() => {
  const told = JSON.parse(document.getElementById("told").textContent);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const minus = (text) => text.replace("-", "\u2212");
  const plain = (value) => minus(value.toLocaleString("en", { maximumFractionDigits: 6 }));
  const digits = (n) => (value) => (value == null ? "–" : minus(value.toFixed(n)));
  let plots = [];

  // Axes and grid in the colours of the page, light or dark.
  const axis = (label, more = {}) => ({
    label, labelSize: 22, size: 48, stroke: colour("soft"), font: "12px system-ui", labelFont: "12px system-ui",
    grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 },
    values: (_, ticks) => ticks.map((v) => (v == null ? "" : plain(v))), ...more,
  });
  const line = (label, name, more = {}) => ({ label, stroke: colour(name), width: 2, value: (_, v) => digits(4)(v), points: { fill: colour("card") }, ...more });

  function draw(id, options, data) {
    const place = document.getElementById(id);
    if (!place) return;
    const size = { width: Math.max(260, place.clientWidth), height: 300 };
    plots.push([place, new uPlot({ ...size, ...options }, data, place)]);
  }

  const share = (values, low) => {
    const known = values.flat().filter((v) => v != null);
    return { range: [Math.max(0, Math.min(low, ...known) - 0.02), 1.005] };
  };

  function curve() {
    const points = [...told.curve].sort((p, q) => p.recall - q.recall || q.precision - p.precision);
    if (!points.length) return;
    const recall = points.map((p) => p.recall), precision = points.map((p) => p.precision);
    // What users get, after clustering, is a point of its own beside the curve.
    recall.push(told.figures.recall); precision.push(null);
    const order = recall.map((_, i) => i).sort((i, j) => recall[i] - recall[j]);
    const result = recall.map((_, i) => (i === recall.length - 1 ? told.figures.precision : null));
    const data = [recall, precision, result].map((column) => order.map((i) => column[i]));
    draw("curve", {
      scales: { x: { time: false, range: [0, 1.01] }, y: share(data.slice(1), 0.9) },
      axes: [axis("recall"), axis("precision")],
      series: [
        { label: "recall", value: (_, v) => digits(4)(v) },
        line("precision", "third", { spanGaps: true, points: { show: false } }),
        line("after clustering", "same", { points: { show: true, size: 11, fill: colour("same") } }),
      ],
    }, data);
  }

  function byThreshold() {
    const points = [...told.curve].reverse();
    if (!points.length) return;
    const data = ["weight", "precision", "recall"].map((name) => points.map((p) => p[name]));
    const marks = { hooks: { draw: [(u) => {
      for (const name of ["ambiguous", "match"]) {
        const x = u.valToPos(told.thresholds[name], "x", true);
        if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
        u.ctx.save(); u.ctx.strokeStyle = colour("soft"); u.ctx.setLineDash([4, 4]);
        u.ctx.beginPath(); u.ctx.moveTo(x, u.bbox.top); u.ctx.lineTo(x, u.bbox.top + u.bbox.height); u.ctx.stroke();
        u.ctx.restore();
      }
    }] } };
    draw("threshold", {
      ...marks, scales: { x: { time: false }, y: share(data.slice(1), 0.9) },
      axes: [axis("joined from so many bits on"), axis("share")],
      series: [{ label: "bits", value: (_, v) => digits(2)(v) },
        line("precision", "third", { points: { show: false } }), line("recall", "same", { points: { show: false } })],
    }, data);
  }

  function histogram() {
    const { bin, bars } = told.histogram;
    if (!bars.length) return;
    const count = (name) => bars.map((bar) => bar[name] || null);
    const shown = (label, name, align) => ({
      label, stroke: colour(name), fill: colour(name), width: 0, points: { show: false },
      paths: uPlot.paths.bars({ size: [0.42, 60], align }), // A bar of height 0 has no place on a logarithmic scale; without a bar that is pointed at there is no number.
      value: (_, v, __, bar) => (bar == null ? "–" : v ?? 0),
    });
    const first = bars[0].weight, last = bars[bars.length - 1].weight;
    draw("histogram", {
      scales: { x: { time: false, range: [first, last + bin] },
        y: { distr: 3, range: (_, low, high) => [0.5, Math.max(10, high * 1.6)] } },
      axes: [axis("bits"), axis("pairs", { values: (_, ticks) => ticks.map((v) => (v >= 1 && Math.log10(v) % 1 === 0 ? v.toLocaleString("en") : "")) })],
      series: [{ label: "bits", value: (_, v) => (v == null ? "–" : `${plain(v - bin / 2)} to ${plain(v + bin / 2)}`) },
        shown("one event", "same", -1), shown("two events", "different", 1)],
    }, [bars.map((bar) => bar.weight + bin / 2), count("same"), count("different")]);
  }

  function sweep() {
    const paths = told.sweep ? told.sweep.paths : [];
    const found = told.sweep ? told.sweep.variants.filter((v) => v.figures) : [];
    if (!found.length) return;
    if (paths.length === 1) {
      const names = ["precision", "recall", "f1"];
      const rows = [...found].sort((p, q) => p.changes[paths[0]] - q.changes[paths[0]]);
      const data = [rows.map((v) => v.changes[paths[0]]), ...names.map((n) => rows.map((v) => v.figures[n]))];
      draw("sweep", {
        scales: { x: { time: false }, y: share(data.slice(1), 0.95) }, axes: [axis(paths[0]), axis("share")],
        series: [{ label: paths[0], value: (_, v) => v ?? "–" }, line("precision", "third"), line("recall", "same"), line("F1", "different")],
      }, data);
      return;
    }
    const rows = [...found].sort((p, q) => p.figures.recall - q.figures.recall);
    draw("sweep", {
      scales: { x: { time: false, range: (_, low, high) => [low - 0.01, high + 0.01] }, y: { range: (_, low, high) => [low - 0.01, Math.min(1.005, high + 0.01)] } },
      axes: [axis("recall"), axis("precision")],
      series: [{ label: "recall", value: (_, v) => digits(4)(v) },
        line("precision", "third", { width: 0, paths: () => null, points: { show: true, size: 8, fill: colour("third") } })],
    }, [rows.map((v) => v.figures.recall), rows.map((v) => v.figures.precision)]);
  }

  function drawAll() {
    for (const [, plot] of plots) plot.destroy();
    plots = [];
    curve(); byThreshold(); histogram(); sweep();
  }
  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  addEventListener("resize", () => plots.forEach(([place, plot]) => plot.setSize({ width: Math.max(260, place.clientWidth), height: 300 })));
})();
