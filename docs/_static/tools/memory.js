// The page "How much memory will PPO need?": fields, and what `stepscope memory` and `stepscope batches` answer.
import { add, statusLine } from "./page.js";
import { Python, supported } from "./python.js";

const PAUSE = 120; // ms without another key before the sizes are computed
const LATE = 150; // ms after which the page says that it computes
const FIELDS = ["library", "release", "num_envs", "horizon", "observation", "actions", "hidden", "minibatches", "dtype"];
const PLACES = { torch: "PyTorch", host: "NumPy, in the memory of the host" };

const root = document.querySelector(".memory-tool");
const form = root.querySelector("form");
const preset = document.getElementById("preset");
const { cancel, say } = statusLine(root);
const answer = root.querySelector(".memory-answer");
const cuts = root.querySelector(".memory-batches");
const field = (name) => document.getElementById(name);

const python = new Python({
  onstage: ({ stage, done, failed }) => {
    if (failed) say(stage, { failed });
    else if (done === 1) say("");
    else say(`${stage} …`, { share: done, busy: true });
  },
});

// ---- What is shown ---------------------------------------------------------------------------------------------------

// Labels and texts of a report; a line without a label belongs to the one above. Addresses become links.
const list = (parent, lines) => {
  const box = add(parent, "dl", "", { class: "tool-list" });
  let cell = null;
  for (const [label, text, severity] of lines) {
    if (label || !cell) {
      add(box, "dt", label);
      cell = add(box, "dd");
    }
    const line = add(cell, "p", "", severity ? { class: severity } : {});
    for (const part of text.split(/(https:\/\/\S+)/)) {
      if (part.startsWith("https://")) add(line, "a", part, { href: part });
      else line.append(part);
    }
  }
};

const table = (parent, [head, ...rows], { name, label }) => {
  const box = add(parent, "div", "", { class: "wide-table", tabindex: 0, role: "region", "aria-label": label });
  const made = add(box, "table", "", { class: `table table-sm ${name}` });
  const row = add(add(made, "thead"), "tr");
  for (const cell of head) add(row, "th", cell, { scope: "col" });
  const body = add(made, "tbody");
  return rows.map((cells) => {
    const line = add(body, "tr");
    return cells.map((cell, index) => add(line, index ? "td" : "th", cell, index ? {} : { scope: "row" }));
  });
};

const command = (parent, text) => {
  const box = add(parent, "div", "", { class: "calculator-command" });
  add(box, "code", text);
  const button = add(box, "button", "Copy", { type: "button", "aria-label": `Copy: ${text}` });
  const told = add(box, "span", "", { role: "status" });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      told.textContent = "Copied.";
    } catch {
      told.textContent = "This browser does not let the page copy; select the text.";
    }
  });
};

// Each item has the colour of its part, in a shade of its own.
const shades = (items) => {
  const seen = {};
  return items.map(({ part }) => {
    seen[part] = (seen[part] ?? -1) + 1;
    return `part ${part} shade-${Math.min(seen[part], 4)}`;
  });
};

const drawBars = (parent, items, texts, marks) => {
  const total = (place) => items.filter((item) => item.place === place).reduce((sum, { bytes }) => sum + bytes, 0);
  const most = Math.max(...Object.keys(PLACES).map(total));
  const segments = items.map(() => null);
  for (const [place, label] of Object.entries(PLACES)) {
    const held = items.map((item, index) => [item, index]).filter(([item]) => item.place === place);
    if (!held.length) continue;
    const size = place === "torch" ? texts.torch : texts.host;
    add(parent, "p", `${label}: ${size}`, { class: "memory-bar-label" });
    const shares = held.map(([{ name, bytes }]) => `${name} ${Math.round((100 * bytes) / total(place))} %`);
    const strip = add(parent, "div", "", { class: "memory-bar", role: "img", "aria-label": `${label}: ${shares.join(", ")}` });
    strip.style.width = `${(100 * total(place)) / most}%`;
    for (const [{ name, bytes }, index] of held) {
      segments[index] = add(strip, "span", "", { class: marks[index], title: `${name}: ${texts.rows[index + 1][2]}` });
      segments[index].style.flexGrow = String(bytes);
    }
  }
  return segments;
};

const showMemory = ({ json, rows, lines, torch, host, command: text }) => {
  answer.replaceChildren();
  const total = add(answer, "p", "", { class: "calculator-verdict memory-total", role: "status" });
  add(total, "strong", torch);
  total.append(` of PyTorch's memory, at its peak ${json.moment}`);
  if (host) total.append(`, and ${host} of NumPy's`);
  const marks = shades(json.items);
  const segments = drawBars(answer, json.items, { torch, host, rows }, marks);
  const body = json.items.map((item, index) => [...rows[index + 1], item.source]);
  const cells = table(answer, [[...rows[0], "source"], ...body], { name: "memory-items", label: "What takes memory" });
  cells.forEach(([first, ...others], index) => {
    const { meaning, bytes } = json.items[index];
    first.prepend(Object.assign(document.createElement("span"), { className: `swatch ${marks[index]}` }));
    add(first, "span", meaning, { class: "below" });
    others[1].title = `${bytes.toLocaleString("en")} bytes`;
    const row = first.parentElement;
    for (const one of [row, segments[index]]) {
      one.addEventListener("pointerenter", () => [row, segments[index]].forEach((each) => each.classList.add("lit")));
      one.addEventListener("pointerleave", () => [row, segments[index]].forEach((each) => each.classList.remove("lit")));
    }
  });
  list(answer, lines);
  command(answer, text);
  field("release").placeholder = form.elements.release.value ? "" : json.training.release;
};

const showBatches = (found) => {
  cuts.hidden = !found;
  const box = cuts.querySelector("div");
  box.replaceChildren();
  if (!found) return;
  const { refusal, value, json, rows, lines, command: text } = found;
  const said = add(box, "p", "", { class: "calculator-verdict" });
  const name = json?.names.setting;
  if (refusal) {
    said.classList.add("bad");
    said.textContent = refusal;
  } else if (value === null) {
    said.textContent = `${name} has to be an integer; these values cut the rollout evenly:`;
  } else {
    said.classList.add("good");
    said.textContent = `${name} ${value.toLocaleString("en")} is accepted`;
    const [{ updates, dropped }] = json.settings;
    said.append(`: ${updates.toLocaleString("en")} updates per iteration${dropped ? `, ${dropped.toLocaleString("en")} samples dropped` : ""}`);
  }
  if (rows.length) {
    const cells = table(box, rows, { name: "memory-settings", label: "Accepted settings of the minibatches" });
    for (const [first] of cells) {
      if (value !== null && first.textContent === value.toLocaleString("en")) first.parentElement.setAttribute("aria-current", "true");
    }
    const current = box.querySelector("[aria-current]");
    const scrolled = box.querySelector(".wide-table");
    if (current) scrolled.scrollTop = Math.max(0, current.offsetTop - scrolled.clientHeight / 2);
  }
  list(box, lines);
  command(box, text);
};

const showError = (name, sentence) => {
  for (const each of FIELDS) {
    const wrong = each === name;
    const input = field(each);
    const note = input.closest(".calculator-field").querySelector(".calculator-error");
    note.textContent = wrong ? sentence : "";
    if (wrong) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
  answer.classList.toggle("stale", Boolean(name));
};

// ---- From the fields to an answer ------------------------------------------------------------------------------------

const settings = () => Object.fromEntries(FIELDS.map((name) => [name, form.elements[name].value.trim()]));
const same = (one, other) => FIELDS.every((name) => (one[name] ?? "") === (other[name] ?? ""));
const presets = [...document.querySelectorAll("a.memory-preset")].map((link) => ({
  title: link.textContent,
  values: Object.fromEntries(new URLSearchParams(new URL(link.href).hash.slice(1))),
}));

let turn = 0; // number of the last request; an older answer is dropped
const compute = async () => {
  turn += 1;
  const mine = turn;
  const values = settings();
  root.dataset.busy = "true";
  preset.value = String(presets.findIndex((each) => same(each.values, values)));
  field("dtype").parentElement.hidden = !values.dtype && !values.observation.includes("x"); // it is about images
  const late = setTimeout(() => python.ready && say("Computing …", { busy: true }), LATE);
  try {
    const found = await python.call("calculate_memory", values);
    if (mine !== turn) return;
    answer.hidden = !found.memory && answer.hidden;
    if (found.memory) showMemory(found.memory);
    showError(found.field, found.error);
    showBatches(found.batches);
    delete root.dataset.busy;
    say("");
  } catch (error) {
    if (mine !== turn) return;
    const stopped = error.name === "AbortError";
    say(stopped ? "Cancelled." : error.message, { failed: !stopped });
  } finally {
    clearTimeout(late);
  }
};

const fill = (values) => {
  for (const name of FIELDS) {
    const input = form.elements[name];
    const value = values[name] ?? "";
    if (input.tagName !== "SELECT" || [...input.options].some((option) => option.value === value)) input.value = value;
  }
};
const keep = () => {
  const filled = Object.entries(settings()).filter(([, value]) => value);
  history.replaceState(null, "", `#${new URLSearchParams(filled)}`);
};
const fromLink = () => {
  const values = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  if (!("num_envs" in values)) return;
  fill(values);
  compute();
};

const begin = () => {
  let pause = 0;
  for (const event of ["pointerenter", "focusin", "touchstart"]) {
    root.addEventListener(event, () => turn || compute(), { once: true, passive: true });
  }
  form.addEventListener("input", (event) => {
    clearTimeout(pause);
    if (event.target === preset) {
      if (preset.value === "-1") return;
      fill(presets[preset.value].values);
    }
    keep();
    turn += 1; // what is still being computed is the answer for other sizes
    root.dataset.busy = "true";
    pause = setTimeout(compute, event.target.tagName === "SELECT" ? 0 : PAUSE);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  cancel.addEventListener("click", () => python.cancel());
  addEventListener("hashchange", () => {
    fromLink();
    root.scrollIntoView({ block: "start" });
  });
  say("Python is loaded when you touch a field; each answer after that takes a moment.");
  fromLink();
};

presets.forEach(({ title }, index) => add(preset, "option", title, { value: index }));
root.hidden = false;
if (supported()) begin();
else say("This browser has no WebAssembly, which the tool needs. The command stepscope memory does the same.", { failed: true });
