// Runs stepscope in Pyodide, off the page's own thread. One message is one call of a function of `stepscope.browser`.
import { loadPyodide } from "../pyodide/pyodide.mjs";

const BOOTSTRAP = `
import json
import stepscope.browser

def call(name, options, logs, write, progress):
    options = json.loads(options)
    done = 0
    files = []
    for log in logs:
        def read_slice(begin, end, read=log.read):
            return read(begin, end).to_bytes()
        def report(begin, before=done):
            progress(before + begin)
        files.append(stepscope.browser.BrowserFile(
            log.name, log.size, read_slice, complete=log.complete, progress=report))
        done += log.size
    function = getattr(stepscope.browser, name)
    if name.startswith("write_"):
        return json.dumps(function(files[0], write, **options))
    if name.startswith("compare_"):
        files = [files]
    return json.dumps(function(*files, **options), allow_nan=False)
call
`;
const OFTEN = 100; // milliseconds between two reports of progress

const stage = (text, done) => self.postMessage({ stage: text, done });

const start = async ({ wheel }) => {
  stage("Loading Python", 0.1);
  const archive = fetch(wheel).then((answer) => {
    if (!answer.ok) throw new Error(`${wheel} cannot be loaded (${answer.status})`);
    return answer.arrayBuffer();
  });
  const pyodide = await loadPyodide();
  stage("Loading Stepscope", 0.7);
  pyodide.unpackArchive(await archive, "wheel", { extractDir: "/stepscope" });
  pyodide.runPython("import sys; sys.path.insert(0, '/stepscope')");
  const call = pyodide.runPython(BOOTSTRAP);
  stage("Ready", 1);
  return call;
};

let ready = null;
self.onmessage = async ({ data }) => {
  if (data.wheel) {
    ready = start(data);
    ready.catch((error) => self.postMessage({ failed: String(error.message ?? error) }));
    return;
  }
  const { id, name, options, files } = data;
  try {
    const call = await ready;
    const reader = new FileReaderSync();
    const size = files.reduce((sum, { blob }) => sum + blob.size, 0);
    let last = 0;
    const progress = (bytes) => {
      if (performance.now() - last < OFTEN) return;
      last = performance.now();
      self.postMessage({ id, done: bytes / size });
    };
    const logs = files.map(({ blob, name: file, complete }) => ({
      name: file,
      size: blob.size,
      complete,
      read: (begin, end) => new Uint8Array(reader.readAsArrayBuffer(blob.slice(begin, end))),
    }));
    const parts = [];
    const write = (text) => parts.push(new Blob([text]));
    const result = JSON.parse(call(name, JSON.stringify(options), logs, write, progress));
    self.postMessage({ id, result: name.startsWith("write_") ? new Blob(parts) : result });
  } catch (error) {
    // Of a Python exception the last line says what happened.
    const lines = String(error.message ?? error).trim().split("\n");
    self.postMessage({ id, error: lines[lines.length - 1] });
  }
};
