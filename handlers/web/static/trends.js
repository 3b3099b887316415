// Trends of the runs: one small plot a figure. The numbers stand in the table, too.
"use strict";

(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  document.querySelectorAll(".plot").forEach((holder) => {
    const number = new Intl.NumberFormat(holder.dataset.language, { maximumFractionDigits: 2 });
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    const options = {
      width: holder.clientWidth, height: 150, legend: { show: false }, cursor: { y: false },
      axes: [{ ...axis, size: 28, incrs: [1, 2, 5, 10, 20, 50, 100] }, { ...axis, size: 60, values: (plot, splits) => splits.map((each) => number.format(each)) }],
      scales: { x: { time: false }, y: { range: (plot, low, high) => [Math.min(0, low), high > 0 ? high * 1.1 : 1] } },
      series: [{}, { stroke: colour("--accent"), width: 2, fill: `${colour("--accent")}22`, points: { show: true, size: 5 }, spanGaps: true }],
    };
    const plot = new uPlot(options, JSON.parse(holder.dataset.series), holder);
    new ResizeObserver(() => plot.setSize({ width: holder.clientWidth, height: 150 })).observe(holder);
  });
})();
