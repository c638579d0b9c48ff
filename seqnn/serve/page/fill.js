// What fills the hidden places of a text.

import { fill } from "./api.js";
import { bar, el } from "./dom.js";

export function fillIn(place, about, go) {
  const mask = about.model.mask;
  const text = el("textarea", { rows: 2, maxlength: 5000, placeholder: `A sentence with ${mask} …`, "aria-label": "Text" });
  const result = el("div", { class: "result", "aria-live": "polite" });
  const submit = () => go("fill", { text: text.value });
  const hide = () => {
    text.setRangeText(mask, text.selectionStart, text.selectionEnd, "end");
    text.focus();
  };
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); submit(); }
  });
  place.append(el("form", { class: "bar-of-fields", onsubmit: (event) => { event.preventDefault(); submit(); } }, text,
    el("button", { type: "button", onclick: hide, title: "Put the mask token where the cursor is, or in place of what is selected" }, `Hide: ${mask}`),
    el("button", { class: "primary" }, "Fill in")), result);
  const list = (fillings) => el("ol", { class: "ranking" }, fillings.map((each) => el("li", {},
    el("button", { type: "button", class: "name", title: each.text, onclick: () => replace(each, fillings) }, each.token || "∅"),
    bar(each.probability), el("span", { class: "number" }, `${(100 * each.probability).toFixed(1)} %`))));
  let places = [];
  const replace = (filling, fillings) => {
    const parts = text.value.split(mask);
    const i = places.indexOf(fillings);
    go("fill", { text: parts.slice(0, i + 1).join(mask) + filling.token + parts.slice(i + 1).join(mask) });
  };
  return (fields) => {
    text.value = fields.get("text") ?? "";
    if (!text.value.includes(mask)) {
      const example = `The capital of France is ${mask}.`;
      result.replaceChildren(el("p", { class: "hint" }, text.value.trim() ? "All places are filled in. Select a word and hide it to go on." : `The most probable tokens for each ${mask} of a text.`),
        el("p", { class: "suggestions" }, el("span", {}, "Try"), el("button", { type: "button", class: "chip", onclick: () => go("fill", { text: example }) }, example)));
      return;
    }
    fill(result, "fill", { text: text.value }, (answer) => {
      places = answer.places;
      return el("div", { class: "places" }, places.map((fillings, i) => el("section", {}, places.length > 1 ? el("h2", {}, `Place ${i + 1}`) : null, list(fillings))));
    });
  };
}
