// The page "Will this gain explode?": a measured map, and one joint that is integrated here.

const SVG = "http://www.w3.org/2000/svg";
const TOO_FAST = 1e5; // rad/s: the joint has failed, as in the example that measured the map
const LONGEST = 20000; // steps after which a joint that has not failed is judged by how far it still swings
const SHOWN = 48; // steps in the drawing
const STEPS_PER_SECOND = 12; // of the drawing
const SETTLED = 0.05; // rad, from a start at 1 rad
// Where the damping is taken: at the end of a step (1), at its start (-1), or there is none (0).
const TAKEN = { none: 0, joint: 1, controller: -1, implicitfast: 1 };

// One step of semi-implicit Euler: the velocity first, then the position with the new velocity.
export const advance = ({ angle, velocity }, { timestep, gain, inertia, damping, taken }) => {
  const start = taken < 0 ? damping : 0;
  const end = taken > 0 ? damping : 0;
  const moved = (inertia * velocity - timestep * (gain * angle + start * velocity)) / (inertia + timestep * end);
  return { angle: angle + timestep * moved, velocity: moved };
};

// What the joint does in the long run: it explodes, rings or settles.
export const judge = (joint) => {
  let state = { angle: 1, velocity: 0 };
  let widest = 0;
  for (let step = 1; step <= LONGEST; step += 1) {
    state = advance(state, joint);
    if (!(Math.abs(state.velocity) < TOO_FAST)) return { verdict: "explodes", step };
    if (step > 0.9 * LONGEST) widest = Math.max(widest, Math.abs(state.angle));
  }
  return { verdict: widest > SETTLED ? "rings" : "settles" };
};

// The square of timestep x frequency from which on a step is unstable.
const limit = ({ timestep, inertia, damping, taken }) => 4 + (taken * 2 * timestep * damping) / inertia;
const largestGain = (joint) => (joint.inertia * limit(joint)) / joint.timestep ** 2;
const largestTimestep = ({ gain, inertia, damping, taken }) => {
  const [rate, stiffness] = [taken * damping, gain * inertia];
  return (rate + Math.sqrt(rate * rate + 4 * stiffness)) / gain;
};

// The motion that a step approximates: the damped spring, solved exactly.
const exact = (time, { gain, inertia, damping, taken }) => {
  const decay = taken ? damping / (2 * inertia) : 0;
  const square = gain / inertia - decay * decay;
  const rate = Math.sqrt(Math.abs(square));
  if (square >= 0) return Math.exp(-decay * time) * (Math.cos(rate * time) + (decay / rate || 0) * Math.sin(rate * time));
  const [slow, fast] = [decay - rate, decay + rate];
  return (fast * Math.exp(-slow * time) - slow * Math.exp(-fast * time)) / (fast - slow);
};

const digits = (value, number = 3) =>
  Number(value.toPrecision(number)).toLocaleString("en", { maximumFractionDigits: 6 });

const draw = (name, attributes, ...children) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

// Stops of a slider: evenly spaced on a logarithmic scale, with the measured values among them.
const stops = (least, most, measured) => {
  const number = Math.round(48 * Math.log10(most / least));
  const even = Array.from({ length: number + 1 }, (_, at) =>
    Number((least * (most / least) ** (at / number)).toPrecision(2)),
  );
  return [...new Set([...even, ...measured])].sort((one, other) => one - other);
};
const nearest = (values, value) => {
  const distances = values.map((each) => Math.abs(Math.log(each / value)));
  return distances.indexOf(Math.min(...distances));
};

// A scale from values to pixels, both logarithmic.
const scale = (from, to, start, end) => ({
  at: (value) => start + ((end - start) * Math.log(value / from)) / Math.log(to / from),
  value: (pixel) => from * (to / from) ** ((pixel - start) / (end - start)),
});

const start = (tool, measured) => {
  const form = tool.querySelector("form");
  const { timestep: timestepField, gain: gainField } = form.elements;
  const columns = Object.keys(Object.values(measured.share.none)[0]).map((seconds) => 1000 * Number(seconds));
  const rows = Object.keys(measured.share.none).map(Number);
  const timesteps = stops(0.5, 50, columns); // ms
  const gains = stops(10, 20000, rows); // N m / rad
  timestepField.max = timesteps.length - 1;
  gainField.max = gains.length - 1;

  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const chart = tool.querySelector(".stability-map");
  const trace = tool.querySelector(".stability-trace");
  const across = scale(0.5, 50, 62, 410);
  const up = scale(10, 20000, 262, 14);
  const view = { timestep: 20, gain: 480, damping: "none" };
  let frame = 0;

  const joint = () => ({
    timestep: view.timestep / 1000,
    gain: view.gain,
    inertia: measured.inertia_kg_m2,
    damping: measured.damping_n_m_s_per_rad,
    taken: TAKEN[view.damping],
  });
  const shareOf = (gain, timestep) => {
    const row = Object.entries(measured.share[view.damping]).find(([key]) => Number(key) === gain)[1];
    return Object.entries(row).find(([key]) => Math.abs(1000 * Number(key) - timestep) < 1e-6)[1];
  };

  const drawMap = () => {
    const parts = [];
    for (const value of [1, 2, 5, 10, 20, 40]) {
      parts.push(
        draw("line", { class: "grid", x1: across.at(value), x2: across.at(value), y1: 14, y2: 262 }),
        draw("text", { class: "tick", x: across.at(value), y: 280, "text-anchor": "middle" }, String(value)),
      );
    }
    for (const value of [10, 100, 1000, 10000]) {
      parts.push(
        draw("line", { class: "grid", x1: 62, x2: 410, y1: up.at(value), y2: up.at(value) }),
        draw("text", { class: "tick", x: 56, y: up.at(value) + 4, "text-anchor": "end" }, value.toLocaleString("en")),
      );
    }
    parts.push(
      draw("text", { class: "axis", x: 236, y: 302, "text-anchor": "middle" }, "timestep (ms)"),
      draw("text", { class: "axis", x: 14, y: 138, "text-anchor": "middle", transform: "rotate(-90 14 138)" }, "gain (N m/rad)"),
    );
    const border = [];
    for (let pixel = 62; pixel <= 410; pixel += 2) {
      const most = largestGain({ ...joint(), timestep: across.value(pixel) / 1000 });
      if (most > 0) border.push([pixel, up.at(most)]);
    }
    // The line ends where it leaves the map.
    const inside = border.filter(([, y]) => y >= 14 && y <= 262);
    parts.push(draw("path", { class: "limit", d: `M${inside.map((point) => point.map((each) => each.toFixed(1))).join("L")}` }));
    for (const gain of rows) {
      for (const column of columns) {
        const [x, y, bad] = [across.at(column), up.at(gain), shareOf(gain, column) > 0];
        parts.push(
          bad
            ? draw("path", { class: "cell failed", d: `M${x - 5} ${y - 5}l10 10m0 -10l-10 10` })
            : draw("circle", { class: "cell stable", cx: x, cy: y, r: 5 }),
        );
      }
    }
    const [x, y] = [across.at(view.timestep), up.at(view.gain)];
    parts.push(
      draw("path", { class: "here", d: `M${x} 14V${y - 11}M${x} ${y + 11}V262M62 ${y}H${x - 11}M${x + 11} ${y}H410` }),
      draw("circle", { class: "here", cx: x, cy: y, r: 11 }),
    );
    chart.replaceChildren(...parts);
    const stable = rows.flatMap((gain) => columns.map((column) => shareOf(gain, column))).filter((share) => share === 0);
    chart.setAttribute(
      "aria-label",
      `Map of ${rows.length * columns.length} measured cells by timestep and gain: ${stable.length} are stable. ` +
        `The chosen point is at ${digits(view.timestep)} ms and ${digits(view.gain)} newton metres per radian.`,
    );
  };

  const drawTrace = (states, number) => {
    const [left, right, middle, unit] = [124, 410, 90, 50];
    const x = (step) => left + ((right - left) * step) / SHOWN;
    const y = (angle) => middle - unit * Math.max(-1.72, Math.min(1.72, angle));
    const path = (points) => `M${points.map((point) => point.map((each) => each.toFixed(1))).join("L")}`;
    const { timestep } = joint();
    const truth = Array.from({ length: 8 * SHOWN + 1 }, (_, at) => [x(at / 8), y(exact((at / 8) * timestep, joint()))]);
    const shown = states.slice(0, number + 1);
    const last = shown.at(-1).angle;
    const failed = !(Math.abs(shown.at(-1).velocity) < TOO_FAST);
    const [tipX, tipY] = [52 - 40 * Math.sin(last), middle - 40 * Math.cos(last)];
    const parts = [
      draw("line", { class: "grid", x1: left, x2: right, y1: y(0), y2: y(0) }),
      draw("line", { class: "grid", x1: left, x2: right, y1: y(1), y2: y(1) }),
      draw("line", { class: "grid", x1: left, x2: right, y1: y(-1), y2: y(-1) }),
      ...[1, 0, -1].map((angle) =>
        draw("text", { class: "tick", x: left - 6, y: y(angle) + 4, "text-anchor": "end" }, `${angle}`.replace("-", "\u2212")),
      ),
      draw("text", { class: "axis", x: left, y: 196 }, `${SHOWN} steps: ${digits(SHOWN * view.timestep)} ms`),
      draw("text", { class: "axis", x: right, y: 196, "text-anchor": "end" }, "angle (rad)"),
      draw("path", { class: "truth", d: path(truth) }),
      draw("path", { class: "steps", d: path(shown.map(({ angle }, step) => [x(step), y(angle)])) }),
      ...shown.map(({ angle }, step) =>
        draw("circle", { class: Math.abs(angle) > 1.72 ? "step off" : "step", cx: x(step), cy: y(angle), r: 2.4 }),
      ),
      draw("path", { class: "target", d: `M52 ${middle}V${middle - 52}` }),
      draw("path", { class: failed ? "link failed" : "link", d: `M52 ${middle}L${tipX.toFixed(1)} ${tipY.toFixed(1)}` }),
      draw("circle", { class: "hinge", cx: 52, cy: middle, r: 5 }),
      draw("circle", { class: failed ? "mass failed" : "mass", cx: tipX.toFixed(1), cy: tipY.toFixed(1), r: 9 }),
    ];
    trace.replaceChildren(...parts);
  };

  const play = () => {
    cancelAnimationFrame(frame);
    const states = [{ angle: 1, velocity: 0 }];
    const goesOn = () => states.length <= SHOWN && Math.abs(states.at(-1).velocity) < TOO_FAST;
    while (goesOn()) states.push(advance(states.at(-1), joint()));
    const end = states.length - 1;
    if (still.matches) {
      drawTrace(states, end);
      return;
    }
    let began = null;
    const next = (now) => {
      began ??= now;
      const number = Math.min(end, Math.floor(((now - began) / 1000) * STEPS_PER_SECOND));
      drawTrace(states, number);
      if (number < end) frame = requestAnimationFrame(next);
    };
    frame = requestAnimationFrame(next);
  };

  const describe = () => {
    const now = joint();
    const frequency = Math.sqrt(now.gain / now.inertia);
    const product = now.timestep * frequency;
    const { verdict, step } = judge(now);
    const border = limit(now);
    const box = tool.querySelector(".calculator-answer");
    box.dataset.verdict = verdict;
    const words = {
      explodes: `Explodes: faster than 100,000 rad/s after ${step} step${step === 1 ? "" : "s"}`,
      rings: "Rings: stable, and nothing stops it",
      settles: "Settles at its target",
    };
    box.querySelector(".verdict-words").textContent = words[verdict];
    const facts = box.querySelectorAll("dd");
    facts[0].textContent =
      border > 0
        ? `${digits(product)}, and the border is ${digits(Math.sqrt(border))}`
        : `${digits(product)}, and there is no border: every gain is unstable at this timestep`;
    facts[1].textContent =
      border > 0 ? `${digits(largestGain(now))} N m/rad at this timestep` : "none at this timestep";
    facts[2].textContent = `${digits(1000 * largestTimestep(now))} ms at this gain`;
    facts[3].textContent = `${digits((2 * Math.PI) / product)} steps per period of the spring`;
    const column = columns[nearest(columns, view.timestep)];
    const row = rows[nearest(rows, view.gain)];
    const failed = Math.round(shareOf(row, column) * measured.joints);
    facts[4].textContent = `${digits(column)} ms, ${digits(row)} N m/rad: ${failed} of ${measured.joints} joints failed`;
  };

  const show = ({ link = true } = {}) => {
    timestepField.value = nearest(timesteps, view.timestep);
    gainField.value = nearest(gains, view.gain);
    form.elements.damping.value = view.damping;
    const texts = [`${digits(view.timestep)} ms`, `${digits(view.gain, 4)} N m/rad`];
    for (const [at, field] of [timestepField, gainField].entries()) {
      field.setAttribute("aria-valuetext", texts[at]);
      form.querySelector(`output[for="${field.id}"]`).textContent = texts[at];
    }
    drawMap();
    describe();
    play();
    if (link) history.replaceState(null, "", `#${new URLSearchParams(view)}`);
  };

  // A link holds the view; what it holds beyond the scales, or what is not a number, is left as it was.
  const readLink = () => {
    const asked = new URLSearchParams(location.hash.slice(1));
    const [timestep, gain, damping] = ["timestep", "gain", "damping"].map((name) => asked.get(name));
    if (Number(timestep) > 0) view.timestep = timesteps[nearest(timesteps, Number(timestep))];
    if (Number(gain) > 0) view.gain = gains[nearest(gains, Number(gain))];
    if (Object.hasOwn(TAKEN, damping ?? "")) view.damping = damping;
  };

  form.addEventListener("input", () => {
    view.timestep = timesteps[timestepField.value];
    view.gain = gains[gainField.value];
    view.damping = form.elements.damping.value;
    show();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  tool.querySelector(".replay").addEventListener("click", play);
  const choose = (event) => {
    const box = chart.getBoundingClientRect();
    const [x, y] = [((event.clientX - box.left) * 420) / box.width, ((event.clientY - box.top) * 310) / box.height];
    view.timestep = timesteps[nearest(timesteps, across.value(x))];
    view.gain = gains[nearest(gains, up.value(y))];
    show();
  };
  chart.addEventListener("pointerdown", (event) => {
    chart.setPointerCapture(event.pointerId);
    choose(event);
  });
  chart.addEventListener("pointermove", (event) => event.buttons === 1 && choose(event));
  addEventListener("hashchange", () => {
    readLink();
    show({ link: false });
  });

  tool.hidden = false;
  readLink();
  show({ link: false });
};

if (typeof document !== "undefined") {
  const tool = document.querySelector(".stability-tool");
  const data = document.querySelector("#measurement-stability");
  if (tool && data) start(tool, JSON.parse(data.textContent));
}
