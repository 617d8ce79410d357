// What Sphinx's own search lacks: messages as they are pasted, the words of practitioners, and a ranking by pages.
"use strict";

(() => {
  if (typeof Search === "undefined" || typeof SEARCH_ENTRIES === "undefined" || !Search._performSearch) return;
  const SHORTEST = 3; // words of a query that is looked up in the texts of messages
  const SHORTEST_NAME = 3; // characters of a part of a name in the API
  const MOST = 5; // pages of messages in front of the others
  const COMMON = 40; // a word in the headings of more pages tells none of them apart
  const plain = (text) => text.toLowerCase().replace(/[\s_/-]+/g, " ").trim();
  const holds = (text, words) => ` ${text} `.includes(` ${words} `);

  // Which pages come first where several hold the words; members of the API come after all of them.
  const WEIGHTS = { start: 4, guide: 4, outputs: 4, troubleshooting: 1, auto_gallery: 0, results: -2, reference: -6 };
  Scorer.score = ([docname, , , , score, , kind]) => {
    if (kind === SearchResultKind.object) return score - 1000;
    if (docname.startsWith("reference/api")) return score - 500;
    return score + (WEIGHTS[docname.split("/", 1)[0]] ?? 0);
  };

  const symptoms = SEARCH_ENTRIES.symptoms.map(({ pattern, flags, ...symptom }) => {
    let expression = null;
    try {
      expression = pattern && new RegExp(pattern, flags);
    } catch {
      // An older browser does not know this syntax; the text remains.
    }
    return { ...symptom, expression, words: plain(symptom.text) };
  });
  const spellings = SEARCH_ENTRIES.words.map(({ words, pages }) => ({ words: words.map(plain), pages }));

  // The pages of the list of words that fits best: the very words, else words that a longer query holds.
  const chosen = (query) => {
    const exact = spellings.find(({ words }) => words.includes(query));
    if (exact) return exact.pages;
    const found = spellings.filter(({ words }) => words.some((each) => holds(query, each)));
    const longest = ({ words }) => Math.max(...words.filter((each) => holds(query, each)).map((each) => each.length));
    return found.sort((one, other) => longest(other) - longest(one)).flatMap(({ pages }) => pages);
  };

  let headings = null; // each heading with the stems of its words
  const stems = (text) => {
    const stemmer = new Stemmer();
    const words = splitQuery(text.toLowerCase()).filter((word) => !stopwords.has(word));
    return new Set(words.map((word) => stemmer.stemWord(word)));
  };
  // Headings that hold all words of the query, whatever else they hold.
  const inHeadings = (query) => {
    const { alltitles, docnames, filenames, titles } = Search._index;
    headings ??= Object.entries(alltitles).map(([title, places]) => ({ title, places, own: stems(title) }));
    const wanted = [...stems(query)];
    const found = wanted.length ? headings.filter(({ own }) => wanted.every((word) => own.has(word))) : [];
    if (found.length > COMMON) return [];
    return found.flatMap(({ title, places, own }) =>
      places.map(([file, id]) => {
        const whole = titles[file] === title;
        const score = 16 + Math.round((8 * wanted.length) / own.size) + (whole ? 6 : 0);
        const words = whole ? title : `${titles[file]} > ${title}`;
        const result = [docnames[file], words, whole || !id ? "" : `#${id}`, null, score, filenames[file], "title"];
        result[4] = Scorer.score(result);
        return result;
      }),
    );
  };

  const objects = Search.performObjectSearch;
  Search.performObjectSearch = (name, ...others) => (name.length < SHORTEST_NAME ? [] : objects(name, ...others));

  const search = Search._performSearch;
  Search._performSearch = (query, ...terms) => {
    const words = plain(query);
    const { docnames, filenames, titles } = Search._index;
    const page = (docname) => {
      const file = docnames.indexOf(docname);
      return [docname, titles[file], "", null, 1000, filenames[file], SearchResultKind.title];
    };
    const matching = symptoms.filter(({ expression }) => expression?.test(query));
    const containing = symptoms.filter((symptom) => words.split(" ").length >= SHORTEST && symptom.words.includes(words));
    const messages = (found) => found.slice(0, MOST).map(({ docname }) => docname);
    // Who pastes a message wants its page; who asks for a subject wants the pages about it, then the messages.
    const first = new Set([...messages(matching), ...chosen(words), ...messages(containing)]);
    const known = [...first].filter((docname) => docnames.includes(docname));

    const seen = new Set();
    const others = [...search(query, ...terms).reverse(), ...inHeadings(query)]
      .sort((one, other) => other[4] - one[4])
      .filter(([docname, , anchor]) => {
        const place = `${docname}${anchor}`;
        if (seen.has(place) || (first.has(docname) && !anchor)) return false;
        seen.add(place);
        return true;
      });
    // Sphinx shows the last one first.
    return [...known.map(page), ...others].reverse();
  };
})();
