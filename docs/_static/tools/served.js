// Read from a disk, a page may not load the modules of its tool: it says so in place of the tool.
addEventListener("DOMContentLoaded", () => {
  if (location.protocol !== "file:") return;
  const note = document.createElement("p");
  note.className = "tool-unserved";
  note.textContent =
    "This tool runs only on a page that a web server sends. In the folder of the site, python -m http.server starts one.";
  document.querySelector(".tool").before(note);
});
