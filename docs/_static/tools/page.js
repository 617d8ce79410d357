// What the pages that run Python have in common: how they add an element, and the line that says what goes on.

// Add an element with text, which is never read as HTML.
export const add = (parent, name, content = "", attributes = {}) => {
  const element = document.createElement(name);
  element.textContent = content;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
};

// Return the elements of the line below `root`, and what changes its words, its bar and its button.
export const statusLine = (root) => {
  const status = root.querySelector(".tool-status");
  const [bar, words, cancel] = ["progress", "span", "button"].map((name) => status.querySelector(name));
  const say = (message, { share = null, busy = false, failed = false } = {}) => {
    if (words.textContent !== message) words.textContent = message; // a screen reader speaks each change
    status.classList.toggle("failed", failed);
    bar.hidden = share === null;
    if (share !== null) bar.value = share;
    cancel.hidden = !busy;
  };
  return { status, cancel, say };
};
