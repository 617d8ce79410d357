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

// Of a Python exception the last line says what happened.
const lastLine = (error) => String(error.message ?? error).trim().split("\n").pop();

const stage = (text, done) => self.postMessage({ stage: text, done });

const start = async ({ wheel }) => {
  stage("Loading Python", 0.1);
  const fetched = fetch(wheel).then((answer) => {
    if (!answer.ok) throw new Error(`${wheel} cannot be loaded (${answer.status})`);
    return answer.arrayBuffer();
  });
  const [pyodide, archive] = await Promise.all([loadPyodide(), fetched]);
  stage("Loading Stepscope", 0.7);
  pyodide.unpackArchive(archive, "wheel", { extractDir: "/stepscope" });
  pyodide.runPython("import sys; sys.path.insert(0, '/stepscope')");
  const call = pyodide.runPython(BOOTSTRAP);
  stage("Ready", 1);
  return call;
};

let ready = null;
self.onmessage = async ({ data }) => {
  if (data.wheel) {
    ready = start(data);
    ready.catch((error) => self.postMessage({
      failed: `Stepscope could not be loaded (${lastLine(error)}). Check the connection and try again.`,
    }));
    return;
  }
  const { id, name, options, files } = data;
  let changed = null; // the name of a file that cannot be read any more
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
      read: (begin, end) => {
        try {
          return new Uint8Array(reader.readAsArrayBuffer(blob.slice(begin, end)));
        } catch (error) {
          changed = file;
          throw error;
        }
      },
    }));
    const parts = [];
    const write = (text) => parts.push(new Blob([text]));
    const result = JSON.parse(call(name, JSON.stringify(options), logs, write, progress));
    self.postMessage({ id, result: name.startsWith("write_") ? new Blob(parts) : result });
  } catch (error) {
    const line = lastLine(error);
    if (changed !== null) self.postMessage({ id, changed });
    else if (error.type === "BadInputError") self.postMessage({ id, error: line.replace(/^[\w.]+: /, "") });
    // Anything else is a defect of ours, after which Python begins anew.
    else if (/MemoryError|memory/.test(line)) self.postMessage({ failed: `Python has too little memory in this browser (${line}).` });
    else self.postMessage({ failed: `Stepscope has a defect: ${line}. Please report it at https://github.com/stepscope/stepscope/issues` });
  }
};
