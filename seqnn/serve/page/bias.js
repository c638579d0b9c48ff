// Words on the axis between the words of pairs.

import { fill } from "./api.js";
import { el, signed } from "./dom.js";
import { manyWords, oneWord } from "./words.js";

const EXAMPLE = {
  from: ["he", "man", "his", "boy"],
  to: ["she", "woman", "her", "girl"],
  words: ["nurse", "teacher", "librarian", "dancer", "engineer", "captain", "boss", "doctor", "programmer"],
};

function axis(words, ends, go) {
  const largest = Math.max(...words.map((each) => Math.abs(each.score)), 0.05);
  const row = ({ word, score }) => {
    const fill = el("span", { class: `fill ${score < 0 ? "negative" : ""}` });
    fill.style.width = `${(Math.abs(score) / largest) * 50}%`;
    fill.style[score < 0 ? "right" : "left"] = "50%";
    return el("li", {}, el("button", { type: "button", class: "name", onclick: () => go("neighbours", { positive: word }) }, word),
      el("span", { class: "bar two-sided", "aria-hidden": "true" }, fill), el("span", { class: "number" }, signed(score)));
  };
  return [
    el("p", { class: "ends" }, el("span", {}, `← ${ends[1]}`), el("span", {}, `${ends[0]} →`)),
    el("ol", { class: "ranking axis-ranking" }, words.map(row)),
  ];
}

export function bias(place, about, go) {
  const rows = el("div", { class: "pairs" });
  let pairs = [];
  const draw = (given) => {
    pairs = given.map(([first, second]) => {
      const pair = [oneWord("From", "she"), oneWord("to", "he")];
      [pair[0].value, pair[1].value] = [second, first];
      return pair;
    });
    rows.replaceChildren(...pairs.map((pair) => el("div", { class: "pair" }, pair[0].node, el("span", { class: "arrow" }, "→"), pair[1].node,
      el("button", { type: "button", class: "quiet", "aria-label": "Remove this pair", disabled: pairs.length < 2,
        onclick: () => draw(current().filter((_, i) => i !== pairs.indexOf(pair))) }, "×"))));
  };
  const current = () => pairs.map(([from, to]) => [to.value, from.value]);
  const submit = () => {
    const whole = current().filter(([to, from]) => to && from);
    go("axis", { from: whole.map((pair) => pair[1]), to: whole.map((pair) => pair[0]), words: words.words });
  };
  const words = manyWords("Words on the axis", "type words …", submit);
  const result = el("div", { class: "result", "aria-live": "polite" });
  place.append(
    el("form", { class: "bar-of-fields", onsubmit: (event) => { event.preventDefault(); submit(); } },
      el("fieldset", {}, el("legend", {}, "The axis, from a word to its opposite"), rows,
        el("button", { type: "button", class: "quiet", onclick: () => draw([...current(), ["", ""]]) }, "+ another pair")),
      words.node, el("button", { class: "primary" }, "Project")),
    result);

  return (fields) => {
    const from = fields.getAll("from");
    const given = fields.getAll("to").map((word, i) => [word, from[i] ?? ""]);
    draw(given.length ? given : [["", ""]]);
    words.words = fields.getAll("words");
    if (!given.length || !words.words.length) {
      result.replaceChildren(
        el("p", { class: "hint" }, "The cosine of each word with the direction in which the words of the pairs differ; several pairs give their common direction."),
        el("p", { class: "suggestions" }, el("span", {}, "Try"), el("button", { type: "button", class: "chip", onclick: () => go("axis", EXAMPLE) }, "gender and occupations")));
      return;
    }
    fill(result, "bias", { pairs: given, words: words.words }, (answer) => [
      ...axis(answer.words, [0, 1].map((end) => given.map((pair) => pair[end]).slice(0, 3).join(", ")), go),
      answer.left_out.length ? el("p", { class: "hint" }, `Without a vector: ${answer.left_out.join(", ")}`) : null,
    ].filter(Boolean));
  };
}
