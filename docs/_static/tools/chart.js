// Curves as SVG: one panel below the other, a cursor that all of them share, and the values at the cursor in the legends.

const NS = "http://www.w3.org/2000/svg";
const HEIGHT = 150;
const MARGIN = { top: 8, right: 10, bottom: 22, left: 56 };
const TICKS = 4;
const WIDE = 50; // times: positive values that differ by more are drawn on a logarithmic axis

const svg = (name, attributes = {}, parent = null) => {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent?.append(element);
  return element;
};

const html = (name, { text = "", ...attributes } = {}, parent = null) => {
  const element = document.createElement(name);
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent?.append(element);
  return element;
};

export const format = (value) => {
  if (value === null || value === undefined) return "NaN or infinite";
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return value.toExponential(2);
  if (size >= 100) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
};

// A number on an axis, with the digits that tell it from the next one, which is `step` away.
const short = (value, step = value) => {
  const size = Math.abs(value);
  const power = (number) => Math.floor(Math.log10(number) + 1e-9);
  const digits = Math.min(15, Math.max(3, power(size) - power(Math.abs(step)) + 1)) || 3;
  if (size >= 1e12 || (size && size < 1e-3)) return Number(value.toPrecision(digits)).toExponential();
  for (const [unit, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= unit) return `${Number((value / unit).toPrecision(digits))}${letter}`;
  }
  return String(Number(value.toPrecision(digits)));
};

// About `count` round numbers between two values.
const ticks = (low, high, count) => {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999) * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => (first + index) * step);
};

let panels = 0; // on the page so far, for names of their own

const powers = (low, high) => {
  const first = Math.ceil(low);
  const all = Array.from({ length: Math.floor(high) - first + 1 }, (_, index) => first + index);
  const every = Math.ceil(all.length / TICKS) || 1;
  return all.filter((_, index) => index % every === 0);
};

class Panel {
  constructor(root, { title, unit, curves, axis }) {
    this.curves = curves;
    this.axis = axis;
    const figure = html("figure", { class: "tool-chart" }, root);
    const caption = html("figcaption", { text: unit ? `${title}, in ${unit}` : title }, figure);
    panels += 1;
    caption.id = `panel-${panels}`;
    this.svg = svg("svg", { role: "img", tabindex: 0, "aria-labelledby": caption.id }, figure);
    const legend = html("ul", { class: "tool-legend" }, figure);
    this.values = curves.map((curve, number) => {
      const item = html("li", {}, legend);
      const mark = svg("svg", { viewBox: "0 0 24 8", class: "key", "aria-hidden": "true" }, item);
      svg("line", { x1: 0, x2: 24, y1: 4, y2: 4, class: `line curve-${number % 8}` }, mark);
      html("bdi", { text: curve.name }, item);
      return html("output", { class: "value" }, item);
    });
    const finite = curves.flatMap(({ low, high }) => [...low, ...high]).filter((value) => value !== null);
    const positive = finite.length > 0 && finite.every((value) => value > 0);
    this.logarithmic = title === "Losses" && positive && Math.max(...finite) / Math.min(...finite) > WIDE;
    this.scaled = this.logarithmic ? Math.log10 : (value) => value;
    const bounds = finite.map(this.scaled);
    let low = bounds.reduce((one, other) => Math.min(one, other), Infinity);
    let high = bounds.reduce((one, other) => Math.max(one, other), -Infinity);
    if (!finite.length) [low, high] = [0, 1];
    const rest = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
    this.bounds = [low - rest, high + rest];
    if (title === "Rate" && low >= 0) this.bounds[0] = 0;
  }

  draw(width, [left, right]) {
    const [low, high] = this.bounds;
    const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
    this.x = (value) => MARGIN.left + ((value - left) / (right - left || 1)) * inner.width;
    this.y = (value) => MARGIN.top + (1 - (this.scaled(value) - low) / (high - low)) * inner.height;
    this.svg.replaceChildren();
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", HEIGHT);
    const marks = this.logarithmic ? powers(low, high).map((power) => 10 ** power) : ticks(low, high, TICKS);
    for (const value of marks) {
      const y = this.y(value);
      svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y, class: "grid" }, this.svg);
      svg("text", { x: MARGIN.left - 6, y: y + 4, "text-anchor": "end" }, this.svg).textContent = short(value, this.logarithmic ? value : marks[1] - marks[0]);
    }
    const along = ticks(left, right, Math.max(2, Math.floor(inner.width / 110)));
    for (const value of along.filter((each) => this.axis !== "iteration" || Number.isInteger(each))) {
      const x = this.x(value);
      svg("text", { x, y: HEIGHT - 6, "text-anchor": "middle" }, this.svg).textContent = short(value, along[1] - along[0]);
    }
    this.curves.forEach((curve, number) => this.#curve(curve, number));
    const bottom = HEIGHT - MARGIN.bottom;
    this.cursor = svg("line", { y1: MARGIN.top, y2: bottom, class: "cursor", visibility: "hidden" }, this.svg);
  }

  #curve({ x, y, low, high, not_finite_from: bad }, number) {
    const colour = `curve-${number % 8}`;
    const points = x.map((value, index) => (y[index] === null ? null : [this.x(value), this.y(y[index])]));
    let path = "";
    points.forEach((point, index) => {
      if (point) path += `${points[index - 1] ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
    });
    if (low.some((value, index) => value !== high[index])) {
      const known = x.map((_, index) => index).filter((index) => low[index] !== null && high[index] !== null);
      const edge = (values, order) => order.map((i) => `${this.x(x[i]).toFixed(1)} ${this.y(values[i]).toFixed(1)}`);
      const band = [...edge(high, known), ...edge(low, [...known].reverse())];
      if (band.length) svg("polygon", { points: band.join(" "), class: `band ${colour}` }, this.svg);
    }
    svg("path", { d: path, class: `line ${colour}` }, this.svg);
    points.forEach((point, index) => {
      const alone = point && !points[index - 1] && !points[index + 1];
      if (alone) svg("circle", { cx: point[0], cy: point[1], r: 3, class: `dot ${colour}` }, this.svg);
    });
    if (bad !== null) {
      const at = this.x(bad);
      svg("line", { x1: at, x2: at, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom, class: "bad" }, this.svg);
      const end = at > this.x.length && at > MARGIN.left + 40 ? "end" : "start";
      const place = { x: at + (end === "end" ? -4 : 4), y: MARGIN.top + 10, "text-anchor": end, class: "bad" };
      svg("text", place, this.svg).textContent = "NaN or infinite";
    }
  }

  show(value) {
    this.cursor?.setAttribute("visibility", value === null ? "hidden" : "visible");
    if (value !== null) {
      this.cursor?.setAttribute("x1", this.x(value));
      this.cursor?.setAttribute("x2", this.x(value));
    }
    this.curves.forEach(({ x, y }, number) => {
      let at = x.length - 1;
      if (value !== null) while (at > 0 && x[at] > value) at -= 1;
      this.values[number].textContent = format(y[at]);
    });
  }
}

// Draw panels of curves below `root`; `axis` says what they have in common.
export const drawPanels = (root, panels, axis) => {
  const box = html("div", { class: "tool-panels" }, root);
  const drawn = panels.map((panel) => new Panel(box, { axis, ...panel }));
  if (!drawn.length) return;
  const readout = html("p", { class: "tool-readout" }, box);
  const xs = [...new Set(panels.flatMap(({ curves }) => curves.flatMap(({ x }) => x)))].sort((a, b) => a - b);
  const range = [xs[0], xs[xs.length - 1]];
  let at = null;
  const show = (index) => {
    at = index;
    const value = at === null ? null : xs[at];
    for (const panel of drawn) panel.show(value);
    readout.textContent = value === null ? `Horizontal axis: ${axis}. The legends show the last values.`
      : `${axis} ${value.toLocaleString("en")}`;
  };
  const redraw = () => {
    const width = Math.max(260, Math.floor(box.clientWidth));
    for (const panel of drawn) panel.draw(width, range);
    show(at);
  };
  const nearest = (panel, event) => {
    const { left, width } = panel.svg.getBoundingClientRect();
    const scale = panel.svg.viewBox.baseVal.width / width;
    const x = (event.clientX - left) * scale;
    let best = 0;
    for (let index = 1; index < xs.length; index += 1) {
      if (Math.abs(panel.x(xs[index]) - x) < Math.abs(panel.x(xs[best]) - x)) best = index;
    }
    return best;
  };
  for (const panel of drawn) {
    panel.svg.addEventListener("pointermove", (event) => show(nearest(panel, event)));
    panel.svg.addEventListener("pointerleave", () => show(null));
    panel.svg.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -xs.length, End: xs.length };
      if (event.key === "Escape") show(null);
      if (!(event.key in moves)) return;
      event.preventDefault();
      const from = at === null ? (moves[event.key] > 0 ? -1 : xs.length) : at;
      show(Math.min(xs.length - 1, Math.max(0, from + moves[event.key])));
    });
  }
  new ResizeObserver(redraw).observe(box);
  redraw();
};
