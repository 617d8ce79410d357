// A message that is pasted into the search leads to its page first, whatever numbers and paths it holds.
"use strict";

(() => {
  if (typeof Search === "undefined" || typeof SYMPTOMS === "undefined" || !Search._performSearch) return;
  const SHORTEST = 8; // characters of a query that is looked up in the texts
  const MOST = 5; // pages in front of the others
  const plain = (text) => text.toLowerCase().replace(/\s+/g, " ").trim();
  const symptoms = SYMPTOMS.map(({ pattern, flags, ...symptom }) => {
    let expression = null;
    try {
      expression = pattern && new RegExp(pattern, flags);
    } catch {
      // An older browser does not know this syntax; the text remains.
    }
    return { ...symptom, expression, words: plain(symptom.text) };
  });

  const search = Search._performSearch;
  Search._performSearch = (query, ...terms) => {
    const words = plain(query);
    const matching = symptoms.filter(({ expression }) => expression?.test(query));
    const containing = symptoms.filter((symptom) => words.length >= SHORTEST && symptom.words.includes(words));
    const first = [...new Set([...matching, ...containing])].slice(0, MOST).reverse();
    const docnames = new Set(first.map(({ docname }) => docname));
    const others = search(query, ...terms).filter(([docname]) => !docnames.has(docname));
    // Sphinx shows the last one first.
    return [
      ...others,
      ...first.map(({ docname, title }) => [docname, title, "", null, 1000, `${docname}.md`, SearchResultKind.title]),
    ];
  };
})();
