/*
 * plot.js - the picture of a job's throughput, by uPlot, which is loaded with the page of a job and nowhere else.
 *
 * createPlot(element, names) gives {set(points), colours(), free()}; it follows the width of `element`. The colours are
 * those of the page's style, so colours() is called when that has changed.
 */
import uPlot from 'uplot';

const HEIGHT = 220;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function createPlot(element, names) {
  let plot = null;
  let data = null;

  function series(label, name) {
    const value = (_, v) => (v === null || v === undefined ? '\u2013' : v.toFixed(v < 10 ? 1 : 0));
    return { label, stroke: colour(name), fill: `${colour(name)}22`, width: 1.5, points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }), value };
  }

  function draw() {
    plot?.destroy();
    plot = null;
    const width = element.clientWidth;
    if (!data || width === 0) return;
    const axis = { stroke: colour('--dim'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line'), width: 1 } };
    const options = {
      width,
      height: HEIGHT,
      series: [{ label: names.time }, series(names.ok, '--ok'), series(names.failed, '--bad')],
      axes: [axis, { ...axis, size: 60 }],
      scales: { y: { range: (_, min, max) => [0, Math.max(max, 0.1) * 1.05] } },
      cursor: { drag: { x: false, y: false } },
    };
    plot = new uPlot(options, data, element);
  }

  const observer = new ResizeObserver(() => {
    if (!plot) draw();
    else if (plot.width !== element.clientWidth && element.clientWidth > 0) plot.setSize({ width: element.clientWidth, height: HEIGHT });
  });
  observer.observe(element);
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', draw);

  return {
    set(points) {
      data = points;
      if (plot) plot.setData(data);
      else draw();
    },
    colours: draw,
    free() {
      observer.disconnect();
      dark.removeEventListener('change', draw);
      plot?.destroy();
      plot = null;
    },
  };
}
