// The page that reads a log. Text of a log only ever becomes the text of an element.
import { drawPanels } from "./chart.js";
import { add, statusLine } from "./page.js";
import { Python, supported, unreadable } from "./python.js";

const root = document.getElementById("log-tool");
const form = root.querySelector("form");
const [text, chooser, envs] = ["log-text", "log-files", "log-envs"].map((id) => document.getElementById(id));
const [result, drop] = [".tool-result", ".tool-drop"].map((name) => root.querySelector(name));
const { status, cancel, say } = statusLine(root);
const site = new URL("../../", import.meta.url);
const SHORT = 5_000_000; // bytes that are read within a second or two
const LONG = 200_000; // characters that a field still shows without delay

let pasted = {}; // what was pasted: {shown, whole}, as the field shows it and all of it
let shown = []; // the files of the last result: {name, blob, complete}
let doing = ""; // words for what is being done
let running = 0; // bytes of what is being read
let turn = 0; // number of the last request; an older answer is dropped

// Text of ours has code between backticks; in text of a log they are what they are.
const prose = (parent, content) => {
  content.split("`").forEach((part, index) => {
    if (index % 2) add(parent, "code", part);
    else parent.append(part);
  });
};

const python = new Python({
  onstage: ({ stage, done, failed }) => {
    if (failed) say(stage, { failed });
    else if (done === 1 && !root.dataset.busy) say("");
    else say(`${done === 1 ? doing : stage} …`, { share: done === 1 ? 0 : done, busy: Boolean(root.dataset.busy) });
  },
});

const options = () => {
  if (!envs.checkValidity()) throw new Error("The number of environments has to be an integer from 1 to 1,000,000,000.");
  return envs.value ? { num_envs: Number(envs.value) } : {};
};
const size = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const once = async (work) => {
  turn += 1;
  const mine = turn;
  // A long log that is still read would keep the new request waiting; a short one ends before Python could start anew.
  if (python.ready && running > SHORT) python.cancel();
  root.dataset.busy = "true";
  try {
    const answer = await work(() => mine === turn);
    if (mine === turn) say("");
    return answer;
  } catch (error) {
    if (mine === turn) {
      const stopped = error.name === "AbortError";
      say(stopped ? "Cancelled." : error.message, { failed: !stopped });
    }
  } finally {
    if (mine === turn) delete root.dataset.busy;
  }
  return undefined;
};

const call = (name, given, files, label) => {
  doing = label;
  const total = files.reduce((sum, { blob }) => sum + blob.size, 0);
  // The words change ten times at most, since a screen reader speaks each change.
  const onprogress = (share) => say(`${label}, ${Math.floor(share * 10) * 10} % of ${size(total)}`, { share, busy: true });
  const { stage, done } = python.stage;
  say(`${python.ready ? label : stage || "Loading Python"} …`, { share: python.ready ? 0 : done, busy: true });
  running = total;
  return python.call(name, given, { files, onprogress }).finally(() => { running = 0; });
};

// ---- What is shown ---------------------------------------------------------------------------------------------------

const SEVERITY = { bad: "bad", warn: "warn", good: "good" };
const OUTCOMES = { failed: "failed", interrupted: "interrupted", finished: "finished", unfinished: "not finished", unknown: "" };

const OCCURRENCES = ["it set off", "notable"];

// Label and text of each line; a line without a label belongs to the one above. What `ours` names is our own prose.
const list = (parent, lines, { ours = [] } = {}) => {
  const box = add(parent, "dl", "", { class: "tool-list" });
  let cell = null;
  let label = "";
  for (const [name, content, severity] of lines) {
    if (name || !cell) {
      label = name;
      add(box, "dt", name || " ");
      cell = add(box, "dd");
    }
    if (/^[█▓░]+$/.test(content)) {
      add(cell, "p", content, { class: "tool-shares", "aria-hidden": "true" });
      continue;
    }
    const line = add(cell, "p", "", { class: SEVERITY[severity] ?? "" });
    // Behind what followed, and what else is notable, the report names its page.
    const [, said, slug] = OCCURRENCES.includes(label) ? (content.match(/^(.*); ([a-z0-9-]+)\)$/s) ?? []) : [];
    if (ours.includes(label)) prose(line, content);
    else if (slug) {
      add(line, "bdi", `${said}) `);
      add(line, "a", slug, { href: new URL(`troubleshooting/${slug}.html`, site).href });
    } else add(line, "bdi", content);
  }
};

const OURS = ["what happened", "which of these", "do now", "find out"];

const explanation = (parent, run) => {
  const [[label, first, severity], ...rest] = run.explanation.length ? run.explanation : [["", "", ""]];
  const box = add(parent, "section", "", { class: `tool-cause ${run.wrong ? "bad" : "good"}` });
  if (!run.wrong) {
    add(box, "h3", "The log shows no failure");
    if (rest.length) list(box, rest);
    return;
  }
  add(box, "h3", label === "first cause" ? "What went wrong first" : label[0].toUpperCase() + label.slice(1));
  add(add(box, "p", "", { class: `tool-message ${severity}` }), "bdi", first);
  const now = rest.findIndex(([name]) => name === "do now");
  const advice = now < 0 ? [] : [rest[now]];
  const others = rest.filter((_, index) => index !== now);
  if (advice.length) list(box, advice, { ours: OURS });
  if (run.symptom) {
    add(add(box, "p"), "a", "All causes of this message, and how to tell them apart", { href: new URL(run.symptom, site).href });
  }
  // What continues the first line has no label of its own.
  list(box, others[0] && !others[0][0] ? [["where", ...others[0].slice(1)], ...others.slice(1)] : others, { ours: OURS });
};

const table = (parent, [head, ...rows], kind = "") => {
  const box = add(parent, "div", "", { class: "wide-table", tabindex: 0, role: "region", "aria-label": "Table" });
  const grid = add(box, "table", "", { class: `table ${kind}` });
  const top = add(add(grid, "thead"), "tr");
  for (const cell of head) add(add(top, "th", "", { scope: "col" }), "bdi", cell);
  const body = add(grid, "tbody");
  for (const [label, ...cells] of rows) {
    const line = add(body, "tr");
    add(add(line, "th", "", { scope: "row" }), "bdi", label);
    for (const cell of cells) add(add(line, "td"), "bdi", cell);
  }
};

const downloads = (parent, file, run) => {
  const row = add(parent, "div", "", { class: "tool-row" });
  const stem = file.name.replace(/\.[^.]*$/, "") || "log";
  for (const [kind, type] of [["json", "application/x-ndjson"], ["csv", "text/csv"]]) {
    const button = add(row, "button", `Download ${kind.toUpperCase()}`, { type: "button" });
    button.addEventListener("click", () => once(async () => {
      const blob = await call(`write_${kind}`, options(), [file], `Writing ${kind.toUpperCase()}`);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([blob], { type }));
      link.download = `${stem}.${kind === "json" ? "jsonl" : kind}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    }));
  }
  const details = add(parent, "details", "", { class: "tool-issue" });
  add(details, "summary", "Report it to the maintainers");
  add(details, "p", "Home directories are replaced by ~, and names of users and hosts by USER and HOST where they are recognised. Read the text before you post it: nobody else knows what in it is private.");
  const id = `issue-${Math.random().toString(36).slice(2)}`;
  add(details, "label", "Text of the issue, in Markdown", { for: id });
  const field = add(details, "textarea", "", { id, rows: 14, readonly: "", spellcheck: "false" });
  field.value = run.issue;
  const copy = add(add(details, "div", "", { class: "tool-row" }), "button", "Copy the report", { type: "button" });
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(run.issue);
    } catch {
      field.select();
      document.execCommand("copy");
    }
    copy.textContent = "Copied";
    say("The report is copied.");
    setTimeout(() => { copy.textContent = "Copy the report"; }, 2000);
  });
};

const SKIPPED = ["library", "iterations", "vector steps", "env steps"];

const showRun = (parent, run, file) => {
  parent.replaceChildren();
  const title = add(parent, "p", "", { class: "tool-title" });
  if (run.title) add(title, "bdi", run.title, { class: "library" });
  if (run.progress) add(title, "span", run.progress, { class: run.wrong ? "bad" : "" });
  explanation(parent, run);
  if (run.panels.length) {
    add(parent, "h3", "Curves");
    drawPanels(parent, run.panels, run.axis);
  }
  if (run.rates.length) {
    add(parent, "h3", "Rates");
    table(parent, run.rates, "rates");
    const more = add(parent, "p", "Each scope covers another part of an iteration: ");
    add(more, "a", "what each rate means", { href: new URL("outputs/fps.html", site).href });
  }
  add(parent, "h3", "Summary");
  const rest = [];
  let label = "";
  for (const line of run.report) {
    label = line[0] || label;
    if (!SKIPPED.includes(label)) rest.push(line);
  }
  const steps = run.report.filter(([name]) => name === "env steps");
  list(parent, [...steps, ...rest]);
  downloads(parent, file, run);
};

const choose = (parent, entries, first) => {
  const pane = document.createElement("div");
  if (entries.length > 1) {
    const row = add(parent, "div", "", { class: "tool-row tool-choice", role: "group", "aria-label": "What to show" });
    for (const [index, { name, mark }] of entries.entries()) {
      const button = add(row, "button", "", { type: "button", "aria-pressed": String(index === first) });
      add(button, "bdi", name);
      if (mark) add(button, "span", mark, { class: `mark ${mark === "failed" ? "bad" : ""}` });
      button.addEventListener("click", () => {
        for (const other of row.children) other.setAttribute("aria-pressed", String(other === button));
        entries[index].show(pane);
      });
    }
  }
  parent.append(pane);
  entries[first].show(pane);
};

const showLog = (parent, log, file) => {
  parent.replaceChildren();
  if (log.problem) {
    add(add(parent, "p", "", { class: "tool-message warn" }), "bdi", log.problem);
    return;
  }
  if (log.more_runs) add(parent, "p", `The log holds ${log.more_runs} more runs, which are not shown; the JSON has all of them.`);
  const entries = log.runs.map((run) => ({
    name: `Run ${run.run}`,
    mark: OUTCOMES[run.outcome],
    show: (pane) => showRun(pane, run, file),
  }));
  const wrong = log.runs.findIndex((run) => run.wrong);
  if (entries.length) choose(parent, entries, Math.max(0, wrong));
};

const showComparison = (parent, comparison, files) => {
  parent.replaceChildren();
  if (comparison.problem) {
    add(add(parent, "p", "", { class: "tool-message warn" }), "bdi", comparison.problem);
    return;
  }
  table(parent, [["", ...comparison.names], ...comparison.rows], "comparison");
  for (const note of comparison.notes) prose(add(parent, "p", "", { class: "tool-note" }), note);
  if (!comparison.panels.length) return;
  const row = add(parent, "form", "", { class: "tool-row" });
  const label = add(row, "label", "Time to a mean reward of ", { class: "tool-number" });
  const field = add(label, "input", "", { type: "number", step: "any", required: "" });
  add(row, "button", "Show", { type: "submit" });
  row.addEventListener("submit", (event) => {
    event.preventDefault();
    once(async () => {
      const again = await call("compare_logs", { ...options(), until: Number(field.value) }, files, "Comparing");
      showComparison(parent, again, files);
    });
  });
  for (const { axis, ...panel } of comparison.panels) drawPanels(parent, [panel], axis);
};

// ---- What is read ----------------------------------------------------------------------------------------------------

// A file as UTF-8 text: PowerShell writes UTF-16, and old logs are often compressed.
const decoded = async (file) => {
  let start;
  try {
    start = [...new Uint8Array(await file.blob.slice(0, 2).arrayBuffer())].join();
  } catch {
    throw new Error(unreadable(file.name));
  }
  const streams = {
    "31,139": () => new DecompressionStream("gzip"),
    "255,254": () => new TextDecoderStream("utf-16le"),
    "254,255": () => new TextDecoderStream("utf-16be"),
  };
  if (!(start in streams)) return file;
  let stream = file.blob.stream().pipeThrough(streams[start]());
  if (start !== "31,139") stream = stream.pipeThrough(new TextEncoderStream());
  try {
    return { ...file, blob: await new Response(stream).blob() };
  } catch {
    throw new Error(`${file.name} cannot be decompressed; is it complete?`);
  }
};

// Files with the same name are told apart by a number.
const named = (files) => {
  const seen = new Set();
  return files.map((file) => {
    let { name } = file;
    for (let number = 2; seen.has(name); number += 1) name = `${file.name} (${number})`;
    seen.add(name);
    return { ...file, name };
  });
};

const read = (given, { focus = true } = {}) => once(async (current) => {
  shown = given;
  const files = await Promise.all(named(given).map(decoded));
  const logs = [];
  for (const file of files) {
    if (!current()) return;
    logs.push(await call("read_log", options(), [file], `Reading ${files.length > 1 ? `${logs.length + 1} of ${files.length}` : "the log"}`));
  }
  if (!current()) return;
  const comparison = files.length > 1 ? await call("compare_logs", options(), files, "Comparing") : null;
  if (!current()) return;
  result.replaceChildren();
  const heading = add(result, "h2", "", { class: "tool-heading" });
  add(heading, "bdi", files.map(({ name }) => name).join(", "));
  const total = files.reduce((sum, { blob }) => sum + blob.size, 0);
  add(result, "p", `${size(total)}, read on this computer`, { class: "tool-note" });
  const pane = add(result, "div");
  const entries = logs.map((log, index) => ({
    name: log.name,
    mark: log.problem ? "not a log" : log.runs.some((run) => run.wrong) ? "failed" : "",
    show: (box) => showLog(box, log, files[index]),
  }));
  if (comparison) entries.unshift({ name: "Comparison", mark: "", show: (box) => showComparison(box, comparison, files) });
  choose(pane, entries, 0);
  const another = add(result, "div", "", { class: "tool-row" });
  const label = add(another, "label", "Compare with another log", { class: "tool-file" });
  const input = add(label, "input", "", { type: "file", multiple: "" });
  input.addEventListener("change", () => {
    if (!input.files.length) return;
    forget();
    read([...given, ...taken(input.files)]);
  });
  if (!focus) return;
  result.focus({ preventScroll: true });
  result.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth", block: "start" });
});

const taken = (list) => [...list].map((file) => ({ name: file.name, blob: file, complete: false }));

const forget = () => history.replaceState(null, "", `${location.pathname}${location.search}`);

const readText = (content) => {
  if (!content.trim()) {
    say("There is no text to read yet. Paste what the training printed.", { failed: true });
    return;
  }
  forget();
  read([{ name: "pasted text", blob: new Blob([content]), complete: true }]);
};

const sample = (names) => once(async (current) => {
  python.start();
  const files = [];
  for (const name of names) {
    const answer = await fetch(new URL(`_static/samples/${name}`, site)).catch(() => ({ ok: false }));
    if (!answer.ok) throw new Error(`${name} could not be loaded. Check the connection and try again.`);
    files.push({ name, blob: await answer.blob(), complete: false });
  }
  return current() ? files : undefined;
}).then((files) => files && read(files));

const fromLink = () => {
  const names = new URLSearchParams(location.hash.slice(1)).get("sample");
  const button = names && [...root.querySelectorAll("[data-sample]")].find(({ dataset }) => dataset.sample === names);
  if (button) sample(button.dataset.sample.split(" "));
};

const begin = () => {
  for (const event of ["pointerenter", "focusin", "touchstart", "dragenter"]) {
    root.addEventListener(event, () => python.start(), { once: true, passive: true });
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    readText(text.value === pasted.shown ? pasted.whole : text.value);
  });
  text.addEventListener("paste", (event) => {
    const { files } = event.clipboardData;
    const whole = event.clipboardData.getData("text");
    if (files.length) {
      event.preventDefault();
      forget();
      read(taken(files));
      return;
    }
    // What was pasted before and has not been edited gives way; into other text it is only inserted.
    if ((text.value && text.value !== pasted.shown) || !whole.includes("\n")) return;
    event.preventDefault();
    // A field with many megabytes freezes the page; the log itself is read whole.
    const cut = whole.length > LONG;
    text.value = cut ? `${whole.slice(0, LONG)}\n[the field shows the beginning only; all ${size(whole.length)} were read]` : whole;
    pasted = { shown: text.value, whole }; // as the field has it, with its line ends
    readText(whole);
  });
  chooser.addEventListener("change", () => {
    if (!chooser.files.length) return;
    forget();
    read(taken(chooser.files));
    chooser.value = "";
  });
  envs.addEventListener("change", () => shown.length && envs.checkValidity() && read(shown, { focus: false }));
  // A file that misses the field would replace the page, so it may be dropped anywhere.
  const ours = ({ target, dataTransfer }) => dataTransfer.types.includes("Files") || drop.contains(target);
  addEventListener("dragover", (event) => {
    drop.classList.toggle("over", ours(event));
    if (ours(event)) event.preventDefault();
  });
  addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || drop.classList.remove("over"));
  addEventListener("drop", (event) => {
    drop.classList.remove("over");
    if (!ours(event)) return;
    event.preventDefault();
    const { files } = event.dataTransfer;
    forget();
    if (files.length) read(taken(files));
    else readText(event.dataTransfer.getData("text"));
  });
  for (const button of root.querySelectorAll("[data-sample]")) {
    button.addEventListener("click", () => {
      history.replaceState(null, "", `#${new URLSearchParams({ sample: button.dataset.sample })}`);
      sample(button.dataset.sample.split(" "));
    });
  }
  cancel.addEventListener("click", () => {
    turn += 1;
    delete root.dataset.busy;
    python.cancel();
    say("Cancelled.");
    status.focus(); // the button that had the focus is gone
  });
  addEventListener("hashchange", fromLink);
  fromLink();
};

root.hidden = false;
if (supported()) begin();
else {
  form.hidden = true;
  say("This browser has no WebAssembly, which the tool needs. Install Stepscope instead: the command stepscope read does the same.", { failed: true });
}
