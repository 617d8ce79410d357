"""The page that reads a log, in a browser: the same answers as the command line, and nothing leaves the page."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import os
import random
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT / "recordings"
PHONE = {"width": 390, "height": 844}
PATIENCE = 300_000  # milliseconds: a busy machine takes long, and that is no failure
MEGABYTES = 50
MOST_MEMORY = 500  # MB for a log of that size
RUN_AXE = """() => axe.run({include: [["#log-tool"]]}, {resultTypes: ["violations"]})
    .then(({violations}) => violations.map(({id, nodes}) => `${id}: ${nodes[0].html}`))"""


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that keeps what it has loaded."""
    with browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True) as context:
        context.set_default_timeout(PATIENCE)
        yield context


@pytest.fixture
def tool(context: BrowserContext, address: str) -> Iterator[Page]:
    """The page, opened anew."""
    page = context.new_page()
    page.errors = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.errors.append(str(error)))  # type: ignore[attr-defined]
    page.goto(f"{address}/tools/read-a-log.html")
    yield page
    assert page.errors == []  # type: ignore[attr-defined]
    page.close()


def _wait(page: Page) -> str:
    """Wait for a result or a message, and return its text."""
    page.wait_for_selector(".tool-heading, .tool-status.failed")
    return page.inner_text(".tool-result") or page.inner_text(".tool-status")


def _give(page: Page, *files: tuple[str, bytes]) -> str:
    page.set_input_files(
        "#log-files",
        [{"name": name, "mimeType": "text/plain", "buffer": content} for name, content in files],
    )
    return _wait(page)


def _command(*arguments: str) -> str:
    command = [sys.executable, "-m", "stepscope", *arguments]
    environment = {**os.environ, "COLUMNS": "300"}  # else columns that find no room would follow below
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def test_every_recording_gives_the_json_of_the_command(tool: Page) -> None:
    """Byte for byte, through the worker that the page uses."""
    paths = sorted(RECORDINGS.glob("*/*/*.txt"))
    assert len(paths) > 200
    logs = [base64.b64encode(path.read_bytes()).decode() for path in paths]
    written = tool.evaluate(
        """async (logs) => {
          const { Python } = await import(new URL("../_static/tools/python.js", location.href));
          const python = new Python();
          let text = "";
          for (const log of logs) {
            const bytes = Uint8Array.from(atob(log), (character) => character.charCodeAt(0));
            const files = [{ name: "log.txt", blob: new Blob([bytes]), complete: false }];
            text += await (await python.call("write_json", {}, { files })).text();
          }
          python.cancel();
          return text;
        }""",
        logs,
    )
    expected = _command("read", "--json", *map(str, paths))
    assert written == expected


@pytest.mark.parametrize("name", ["rsl_rl/5.5.1/extras", "sb3/2.9.2/several_tables", "skrl/2.1.1/default"])
def test_downloads_are_what_the_command_prints(tool: Page, name: str) -> None:
    """As JSON and as a table."""
    path = RECORDINGS / f"{name}.txt"
    _give(tool, ("train.log", path.read_bytes()))
    for kind in ("json", "csv"):
        with tool.expect_download() as download:
            tool.get_by_role("button", name=f"Download {kind.upper()}").click()
        assert Path(download.value.path()).read_text("utf-8") == _command("read", f"--{kind}", str(path))


def test_a_failure_shows_its_first_cause_and_leads_to_its_page(tool: Page, address: str) -> None:
    """What `stepscope explain` names as the first cause is on top, and the link leads to the symptom."""
    path = RECORDINGS / "rl_games/1.6.5/ranks_diverged.txt"
    explained = json.loads(_command("explain", "--json", str(path)).splitlines()[0])
    text = _give(tool, (path.name, path.read_bytes()))
    first = explained["first_cause"]
    assert tool.inner_text(".tool-cause .tool-message") == first["text"]
    assert " ".join(first["do_now"].replace("`", "").split()) in " ".join(text.split())
    tool.click(".tool-cause a")
    assert tool.url == f"{address}/troubleshooting/{first['slug']}.html"
    assert tool.inner_text("h1")


def test_rates_are_those_of_the_command(tool: Page) -> None:
    """Each row of the table is a line of `stepscope read`."""
    path = RECORDINGS / "rl_games/1.6.5/default.txt"
    _give(tool, (path.name, path.read_bytes()))
    rows = [row.split("\t") for row in tool.inner_text("table.rates tbody").splitlines()]
    printed = _command("read", str(path))
    lines = re.findall(r"(?m)^  (fps \w+) +(\S+) +(\S+) +(\S+)  (.+)$", printed)
    assert [[cell.strip() for cell in row] for row in rows] == [list(line) for line in lines]


def test_two_logs_are_compared_as_the_command_compares_them(tool: Page) -> None:
    """The same rows, with the time to a reward once it is asked for."""
    paths = [RECORDINGS / f"{name}.txt" for name in ("rsl_rl/5.5.1/extras", "sb3/2.9.2/default")]
    _give(tool, *((path.name, path.read_bytes()) for path in paths))
    assert tool.locator("table.comparison tbody tr").count() > 5
    tool.get_by_label("Time to a mean reward of").fill("50")
    tool.get_by_role("button", name="Show", exact=True).click()
    tool.wait_for_selector("table.comparison th:has-text('reward 50')")
    cells = [row.split("\t") for row in tool.inner_text("table.comparison tbody").splitlines()]
    printed = _command("compare", "--until", "reward=50", *map(str, paths))
    flat = " ".join(printed.split())
    for row in cells:
        assert " ".join(" ".join(row).split()) in flat


def test_an_issue_holds_what_maintainers_need_and_no_home_directory(tool: Page) -> None:
    """Library and release, the traceback, and where the message is explained."""
    log = (RECORDINGS / "rl_games/1.6.5/diverged.txt").read_text("utf-8")
    log = log.replace("<site-packages>", "/home/ada/venv/lib/python3.11/site-packages")
    assert "/home/ada" in log
    _give(tool, ("train.log", log.encode()))
    tool.click(".tool-issue summary")
    issue = tool.input_value(".tool-issue textarea")
    assert "RL-Games 1.6.5" in issue
    assert "Traceback (most recent call last):" in issue
    assert "RuntimeError: normal expects all elements of std >= 0.0" in issue
    assert "/troubleshooting/normal-expects-std.html" in issue
    assert "ada" not in issue


HOSTILE = """\
Using cpu device
<script>document.title = "taken"</script><img src=x onerror="document.title='taken'">
Logging to \x1b[31mruns\x1b[0m/\u202egnp.exe\u2066 \x07\x9b2J <b>bold</b> &amp;
Traceback (most recent call last):
  File "/x/<img src=x onerror=alert(1)>.py", line 3, in <module>
ValueError: <svg onload="document.title='taken'"> \u202enot what it seems
"""


def test_text_of_a_log_is_never_interpreted(tool: Page) -> None:
    """Tags stay text, and control and direction characters do nothing."""
    dialogs: list[str] = []
    tool.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    title = tool.title()
    text = _give(tool, ("<img src=x onerror=alert(1)>.log", HOSTILE.encode()))
    assert "<svg onload=\"document.title='taken'\">" in text
    assert tool.locator(".tool-result :is(script, img, b, iframe, object)").count() == 0
    assert tool.title() == title
    assert not dialogs
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_a_line_of_ten_megabytes_is_read(tool: Page) -> None:
    """It is one message, and the run after it is there."""
    log = b"x" * 10_000_000 + b"\n" + (RECORDINGS / "sb3/2.9.2/default.txt").read_bytes()
    text = _give(tool, ("long.log", log))
    assert "Stable-Baselines3" in text
    assert "iterations: 12" in text


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02" * 500, b"nothing that any library prints\n"])
def test_what_is_no_log_gets_a_sentence(tool: Page, content: bytes) -> None:
    """It says what the file lacks."""
    text = _give(tool, ("notes.txt", content))
    assert "notes.txt" in text
    assert re.search(r"is empty; give the file|has no line that", text)


def test_keys_alone_read_a_log(tool: Page) -> None:
    """From the field to the button to the result, and along a curve."""
    tool.focus("#log-text")
    tool.keyboard.insert_text((RECORDINGS / "rsl_rl/5.5.1/default.txt").read_text("utf-8"))
    tool.keyboard.press("Tab")
    assert tool.evaluate("document.activeElement.textContent") == "Read the text"
    tool.keyboard.press("Enter")
    _wait(tool)
    assert tool.evaluate("document.activeElement.className") == "tool-result"
    tool.locator(".tool-chart > svg").first.focus()
    values = set()
    for key in ("Home", "ArrowRight", "ArrowRight", "End"):
        tool.keyboard.press(key)
        values.add(tool.locator(".tool-chart output").first.inner_text())
    assert len(values) > 2
    assert "iteration 11" in tool.inner_text(".tool-readout")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_result_fits_a_phone_and_violates_nothing(
    browser: Browser, address: str, engine: str, scheme: str
) -> None:
    """Nothing is wider than the screen, and axe-core finds nothing in the form and in the result."""
    with browser.new_context(viewport=PHONE, color_scheme=scheme, bypass_csp=True) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/tools/read-a-log.html")
        for name in ("isaaclab/3.0.0/nan_recorded.txt", "rsl_rl/5.5.1/extras.txt"):
            _give(page, (name.replace("/", "-"), (RECORDINGS / name).read_bytes()))
            page.wait_for_selector(f".tool-heading:has-text('{name.replace('/', '-')}')")
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
            page.evaluate(engine)
            assert page.evaluate(RUN_AXE) == []


def test_it_works_without_a_network_once_loaded(browser: Browser, address: str) -> None:
    """A reader may pull the plug and see for himself."""
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/tools/read-a-log.html")
        log = (RECORDINGS / "skrl/2.1.1/default.txt").read_bytes()
        _give(page, ("first.log", log))
        context.set_offline(True)
        assert "skrl" in _give(page, ("second.log", log))
        page.wait_for_selector(".tool-heading:has-text('second.log')")


@pytest.fixture
def other_host() -> Iterator[tuple[str, list[str]]]:
    """Another host on this machine that notes every request, and allows any origin."""
    asked: list[str] = []

    class Host(BaseHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


ASK = """async (address) => {
  try { await fetch(address); return "answered"; } catch (error) { return "refused"; }
}"""


def test_nothing_leaves_the_page(
    context: BrowserContext, tool: Page, address: str, other_host: tuple[str, list[str]]
) -> None:
    """All requests of a visit go to the site, and the policy forbids others: to the page and to its worker."""
    requests: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    tool.reload()
    _give(tool, ("train.log", (RECORDINGS / "sb3/2.9.2/default.txt").read_bytes()))
    hosts = {url.split("/", 3)[2] for url in requests if not url.startswith(("blob:", "data:"))}
    assert hosts == {address.removeprefix("http://")}
    assert not [url for url in requests if "train.log" in url]
    host, asked = other_host
    assert tool.evaluate(ASK, f"{host}/page") == "refused"
    [worker] = tool.workers
    assert worker.evaluate(ASK, f"{host}/worker") == "refused"
    assert asked == []
    # The host does answer who may ask.
    free = context.new_page()
    free.goto(f"{address}/index.html")
    assert free.evaluate(ASK, f"{host}/other") == "answered"
    free.close()


def test_a_link_shows_the_same_recorded_log(tool: Page, context: BrowserContext) -> None:
    """The address names a recorded log, and nothing of a log of one's own."""
    tool.click("[data-sample='skrl.txt']")
    text = _wait(tool)
    other = context.new_page()
    other.goto(tool.url)
    assert _wait(other) == text
    other.close()
    _give(tool, ("secret.log", (RECORDINGS / "sb3/2.9.2/default.txt").read_bytes()))
    tool.wait_for_selector(".tool-heading:has-text('secret.log')")
    assert tool.url.endswith("/tools/read-a-log.html")


def test_without_javascript_a_sentence_names_the_command(browser: Browser, address: str) -> None:
    """And no control that does nothing."""
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{address}/tools/read-a-log.html")
        assert "stepscope read train.log" in page.inner_text(".tool-without")
        assert not page.is_visible("#log-text")


PASTE = """(text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  const paste = new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true});
  document.getElementById("log-text").dispatchEvent(paste);
}"""
DROP = """(text) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], "dropped.log"));
  const drop = new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true});
  document.querySelector("h1").dispatchEvent(drop);
}"""


def _give_named(page: Page, name: str, content: bytes, *, heading: str = "") -> str:
    page.set_input_files("#log-files", {"name": name, "mimeType": "text/plain", "buffer": content})
    page.wait_for_selector(f".tool-heading bdi:text-is('{heading or name}')")
    return page.inner_text(".tool-title")


def test_what_readers_give_is_read(tool: Page, tmp_path: Path) -> None:
    """Files as Windows and gzip write them, with one name, beside the field, pasted twice, changed since."""
    content = (RECORDINGS / "rsl_rl/5.5.1/default.txt").read_bytes()
    other = (RECORDINGS / "sb3/2.9.2/default.txt").read_bytes()
    title = _give_named(tool, "plain.log", content)
    for name, encoded in (
        ("lines.log", content.replace(b"\n", b"\r\n")),
        ("shell.log", content.decode().encode("utf-16")),
        ("big.log", b"\xfe\xff" + content.decode().encode("utf-16-be")),
        ("train.log.gz", gzip.compress(content)),
    ):
        assert _give_named(tool, name, encoded) == title
    files = [{"name": "same.log", "mimeType": "text/plain", "buffer": each} for each in (content, other)]
    tool.set_input_files("#log-files", files)  # type: ignore[arg-type]
    tool.wait_for_selector("table.comparison bdi:text-is('same.log (2)')")
    names = tool.evaluate("[...document.querySelectorAll('figcaption')].map(({id}) => id)")
    assert len(names) == len(set(names)) > 1
    tool.evaluate(DROP, content.decode())
    tool.wait_for_selector(".tool-heading bdi:text-is('dropped.log')")
    tool.evaluate(PASTE, content.decode())
    tool.wait_for_selector(".tool-heading bdi:text-is('pasted text')")
    tool.evaluate(PASTE, other.decode())
    tool.wait_for_selector(".tool-title:has-text('Stable-Baselines3')")
    assert tool.input_value("#log-text") == other.decode()
    path = tmp_path / "live.log"
    path.write_bytes(content)
    tool.set_input_files("#log-files", path)
    tool.wait_for_selector(".tool-heading bdi:text-is('live.log')")
    path.write_bytes(content + content)
    tool.get_by_role("button", name="Download CSV").click()
    tool.wait_for_selector(".tool-status.failed span:has-text('live.log cannot be read')")
    tool.fill("#log-envs", "-3")
    tool.click("[data-sample='skrl.txt']")
    tool.wait_for_selector(".tool-status.failed span:has-text('from 1 to 1,000,000,000')")
    tool.fill("#log-envs", "")
    assert _give_named(tool, "after.log", content) == title


def test_a_file_that_cannot_be_loaded_is_asked_for_again(tool: Page) -> None:
    """The sentence is not about the log, and the next try begins anew."""
    wheels = re.compile(r"/wheels/")
    tool.context.route(wheels, lambda route: route.fulfill(status=404))
    log = (RECORDINGS / "rsl_rl/5.5.1/default.txt").read_bytes()
    assert _give(tool, ("train.log", log)).startswith("Stepscope could not be loaded")
    assert not tool.is_visible(".tool-cancel, .tool-status progress")
    tool.context.unroute(wheels)
    _give_named(tool, "train.log", log)
    assert tool.inner_text(".tool-status") == ""


def test_a_defect_of_ours_does_not_accuse_the_log(tool: Page) -> None:
    """Bad input is a sentence; anything else is our own, and Python works afterwards."""
    messages = tool.evaluate(
        """async () => {
          const { Python } = await import(new URL("../_static/tools/python.js", location.href));
          const python = new Python();
          const messages = [];
          for (const options of [{ num_envs: 0 }, { unknown: 1 }, {}]) {
            const files = [{ name: "a.log", blob: new Blob(["x\\n"]), complete: true }];
            await python.call("read_log", options, { files })
              .then(({ problem }) => messages.push(problem), ({ message }) => messages.push(message));
          }
          python.cancel();
          return messages;
        }"""
    )
    assert messages[0].startswith("num_envs is 0; ")
    assert messages[1].startswith("Stepscope has a defect: TypeError: ")
    assert messages[2].startswith("a.log has no line that")


@pytest.mark.parametrize("name", ["read-a-log", "memory", "stability"])
def test_a_page_on_a_disk_asks_for_a_server(page: Page, site: Path, name: str) -> None:
    """A browser loads no module from there, so that the tool itself could not tell."""
    page.goto((site / f"tools/{name}.html").as_uri())
    assert "python -m http.server" in page.inner_text(".tool-unserved")
    assert not page.is_visible(".tool")


def test_the_site_s_own_controls_obey_the_policy(page: Page, address: str) -> None:
    """Search, the switch of the theme and the buttons that copy."""
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Policy" in message.text else None)
    page.goto(f"{address}/tools/read-a-log.html")
    page.locator(".theme-switch-button").first.click()
    page.locator(".search-button__button").first.click()
    page.keyboard.type("memory")
    page.wait_for_timeout(500)
    page.keyboard.press("Escape")
    page.locator("button.copybtn").first.click()
    assert refused == []


def _large_log() -> bytes:
    """Return 50 MB of iterations of RSL-RL, each with numbers of its own."""
    log = (RECORDINGS / "rsl_rl/5.5.1/extras.txt").read_text("utf-8")
    opening, *blocks = re.split(r"(?m)^(?=#{80}$)", log)
    choose = random.Random(1)  # noqa: S311 - not a secret
    parts, size, number = [opening], 0, 0
    while size < MEGABYTES * 1_000_000:
        block = choose.choice(blocks[1:-1])
        block = re.sub(r"Learning iteration \d+/\d+", f"Learning iteration {number}/1000000", block)
        block = re.sub(r"(?<=: )-?\d+\.\d+", lambda _: f"{choose.uniform(1, 90):.4f}", block)
        parts.append(block)
        size += len(block)
        number += 1
    return "".join(parts).encode()


def _renderer_memory(browser_process: int) -> float:
    """Return the resident memory of the largest renderer of a browser, in MB."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            _, after = entry.read_text().rsplit(")", 1)
            children.setdefault(int(after.split()[1]), []).append(int(entry.parent.name))
    waiting, largest = [browser_process], 0.0
    while waiting:
        process = waiting.pop()
        waiting += children.get(process, [])
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{process}/cmdline").read_bytes()
            if b"--type=renderer" in command:
                pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
                largest = max(largest, pages * os.sysconf("SC_PAGE_SIZE") / 1e6)
    return largest


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_a_large_log_can_be_cancelled_and_read_in_little_memory(tool: Page, tmp_path: Path) -> None:
    """The page answers meanwhile, Cancel ends the work, and memory does not grow with the log."""
    path = tmp_path / "large.log"
    path.write_bytes(_large_log())
    tool.set_input_files("#log-files", path)
    tool.wait_for_selector(".tool-status span:has-text('% of 50')")
    tool.fill("#log-envs", "64")  # the page is alive
    tool.click(".tool-cancel")
    assert tool.inner_text(".tool-status span") == "Cancelled."
    peak, parent = 0.0, os.getpid()
    tool.set_input_files("#log-files", path)
    while not tool.locator(".tool-heading").count():
        peak = max(peak, _renderer_memory(parent))
        tool.wait_for_timeout(200)
    assert "Run 1" not in tool.inner_text(".tool-result")
    assert "RSL-RL" in tool.inner_text(".tool-title")
    assert 50 < peak < MOST_MEMORY


def test_what_else_is_notable_leads_to_its_pages(tool: Page, site: Path) -> None:
    """Each is named by its page, which exists."""
    path = RECORDINGS / "isaaclab/3.0.0/overflow_unbuffered.txt"
    _give(tool, (path.name, path.read_bytes()))
    links = tool.locator(".tool-cause dd a")
    assert links.count() > 1
    for number in range(links.count()):
        assert (site / "troubleshooting" / f"{links.nth(number).inner_text()}.html").is_file()
