// The nearest words of a word, of a sum of words, and of an analogy.

import { fill } from "./api.js";
import { address, bar, el, signed } from "./dom.js";
import { manyWords, oneWord, suggestions } from "./words.js";

function ranking(found, go, more) {
  if (!found.length) return el("p", { class: "hint" }, "There are no other words.");
  const largest = Math.max(...found.map((each) => Math.abs(each.score)), 1e-9);
  return el("ol", { class: "ranking" }, found.map(({ word, score }) => el("li", {},
    el("button", { type: "button", class: "name", title: `Neighbours of ${word}`,
      onclick: () => go("neighbours", { positive: word }) }, word),
    bar(Math.abs(score) / Math.max(1, largest), score < 0 ? "negative" : ""),
    el("span", { class: "number" }, signed(score)),
    more ? el("span", { class: "more" }, more(word)) : null)));
}

export function neighbours(place, about, go) {
  const submit = () => {
    const many = topn.value === "20" ? [] : topn.value;
    go("neighbours", { positive: plus.words, negative: minus.words, topn: many });
  };
  const plus = manyWords("Words", "type a word …", submit);
  const minus = manyWords("minus", "none", submit);
  const topn = el("select", { onchange: submit }, [10, 20, 50, 100, 200].map((n) => el("option", { value: n }, String(n))));
  const result = el("div", { class: "result", "aria-live": "polite" });
  place.append(
    el("form", { class: "bar-of-fields", onsubmit: (event) => { event.preventDefault(); submit(); } },
      plus.node, minus.node, el("label", { class: "field small" }, el("span", {}, "Show"), topn),
      el("button", { class: "primary" }, "Find")),
    result);
  const buttons = (word) => [["+", "Add", plus], ["−", "Subtract", minus]].map(([sign, verb, field]) =>
    el("button", { type: "button", class: "quiet", title: `${verb} ${word}`, "aria-label": `${verb} ${word}`,
      onclick: () => { field.words = [...field.words, word]; submit(); } }, sign));

  return (fields) => {
    plus.words = fields.getAll("positive");
    minus.words = fields.getAll("negative");
    topn.value = fields.get("topn") ?? "20";
    if (!plus.words.length) {
      result.replaceChildren(
        el("p", { class: "hint" }, "The words whose vectors point in the same direction: the cosine is 1 for the same direction, 0 for none in common."),
        suggestions(about.words.first, (word) => go("neighbours", { positive: word })));
      return;
    }
    const asked = { positive: plus.words, negative: minus.words, topn: Number(topn.value) };
    fill(result, "neighbours", asked, (answer) => [
      el("p", { class: "caption" }, `cosine with ${[plus.words.join(" + "), ...minus.words].join(" − ")}`),
      ranking(answer.neighbours, go, buttons),
      el("p", {}, el("a", { href: address("map", { words: plus.words, neighbours: 20 }) }, "See them on the map")),
    ]);
  };
}

export function analogies(place, about, go) {
  const fields = { a: "man", b: "king", c: "woman" };
  const slots = Object.fromEntries(Object.entries(fields).map(([name, example]) =>
    [name, oneWord({ a: "First", b: "is to", c: "as" }[name], example)]));
  const objective = el("select", {}, el("option", { value: "add" }, "sum of cosines"), el("option", { value: "multiply" }, "product (3CosMul)"));
  const result = el("div", { class: "result", "aria-live": "polite" });
  const submit = () => go("analogies", {
    a: slots.a.value, b: slots.b.value, c: slots.c.value, ...(objective.value === "add" ? {} : { by: objective.value }),
  });
  objective.addEventListener("change", () => Object.values(slots).every((slot) => slot.value) && submit());
  place.append(
    el("form", { class: "bar-of-fields", onsubmit: (event) => { event.preventDefault(); submit(); } },
      slots.a.node, slots.b.node, slots.c.node,
      el("label", { class: "field small" }, el("span", {}, "By"), objective),
      el("button", { class: "primary" }, "is to …?")),
    result);

  return (given) => {
    for (const name of Object.keys(slots)) slots[name].value = given.get(name) ?? "";
    objective.value = given.get("by") ?? "add";
    const [a, b, c] = Object.values(slots).map((slot) => slot.value);
    if (!a || !b || !c) {
      result.replaceChildren(el("p", { class: "hint" }, "A word that is to the third as the second is to the first: man is to king as woman is to …? It is looked for near second − first + third."));
      return;
    }
    const asked = { positive: [...new Set([b, c])], negative: [a], topn: 10, objective: objective.value };
    fill(result, "neighbours", asked, ({ neighbours: found }) => [
      el("p", { class: "sentence" }, a, el("i", {}, " is to "), b, el("i", {}, " as "), c, el("i", {}, " is to "), el("b", {}, found[0]?.word ?? "nothing")),
      ranking(found, go),
      el("p", {}, el("a", { href: address("map", { words: [...new Set([a, b, c, ...found.slice(0, 1).map((each) => each.word)])], neighbours: 0 }) }, "See them on the map")),
    ]);
  };
}
