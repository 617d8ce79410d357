// Stepscope in this browser: a worker that is started when it is needed, and ended when somebody cancels.

const here = new URL(".", import.meta.url);
const wheel = () => new URL(document.querySelector("meta[name=stepscope-wheel]").content, document.baseURI).href;

export const supported = () => typeof WebAssembly === "object" && typeof Worker === "function";

// Why a file cannot be read; of a running training it changes all the time.
export const unreadable = (name) =>
  `${name} cannot be read: it is a folder, or it has changed since you chose it. Choose it again, or a copy of it.`;

export class Python {
  #worker = null;
  #calls = new Map(); // by number
  #number = 0;
  #stage = { stage: "", done: 0 };

  // `onstage` is called with the words and the share (0 to 1) of the start.
  constructor({ onstage = () => {} } = {}) {
    this.onstage = onstage;
  }

  // {stage, done}: what is being loaded, and the share of it.
  get stage() {
    return this.#stage;
  }

  get ready() {
    return this.#stage.done === 1;
  }

  // Start to load, once. A worker from a blob obeys the Content-Security-Policy of this page; one from an address
  // would obey that of its own answer, and most hosts send none.
  start() {
    if (this.#worker) return;
    const source = `import ${JSON.stringify(new URL("worker.js", here).href)};`;
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const worker = new Worker(address, { type: "module" });
    this.#worker = worker;
    worker.onmessage = ({ data }) => worker === this.#worker && this.#receive(data);
    worker.onerror = ({ message }) =>
      worker === this.#worker && this.#fail(`Stepscope could not be loaded (${message || "a file is missing"}). Check the connection and try again.`);
    worker.postMessage({ wheel: wheel() });
  }

  // Call a function of `stepscope.browser`; `files` are {name, blob, complete}.
  call(name, options = {}, { files = [], onprogress = () => {} } = {}) {
    this.start();
    const id = (this.#number += 1);
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject, onprogress });
      this.#worker.postMessage({ id, name, options, files });
    });
  }

  // End whatever runs; the next call starts anew.
  cancel() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#stage = { stage: "", done: 0 };
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { reject } of calls) reject(new DOMException("cancelled", "AbortError"));
  }

  #receive({ id, stage, done, result, error, changed, failed }) {
    if (failed) return this.#fail(failed);
    if (stage) {
      this.#stage = { stage, done };
      return this.onstage(this.#stage);
    }
    const call = this.#calls.get(id);
    if (!call) return undefined;
    if (done !== undefined) return call.onprogress(done);
    this.#calls.delete(id);
    if (changed) return call.reject(new Error(unreadable(changed)));
    return error === undefined ? call.resolve(result) : call.reject(new Error(error));
  }

  #fail(why) {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    this.#worker?.terminate();
    this.#worker = null;
    this.#stage = { stage: "", done: 0 };
    const error = new Error(why);
    for (const { reject } of calls) reject(error);
    this.onstage({ stage: error.message, done: 0, failed: true });
  }
}
