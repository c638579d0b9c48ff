// Fields for words, with completion: one word, or several as chips.

import { ask } from "./api.js";
import { el } from "./dom.js";

let count = 0;

// Offers completions below an input; `picked` takes the word.
function completing(input, picked) {
  const list = el("ul", { class: "completions", role: "listbox", id: `completions-${++count}`, hidden: true });
  const options = { role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id, "aria-expanded": "false",
    autocomplete: "off", autocapitalize: "none", spellcheck: "false" };
  for (const [name, value] of Object.entries(options)) input.setAttribute(name, value);
  let marked = -1;
  let timer;

  const close = () => {
    clearTimeout(timer);
    list.hidden = true;
    marked = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const take = (word) => {
    close();
    picked(word);
  };
  const mark = (step) => {
    const items = [...list.children];
    marked = (marked + step + items.length) % items.length;
    items.forEach((item, i) => item.setAttribute("aria-selected", String(i === marked)));
    items[marked].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", items[marked].id);
  };
  const offer = async () => {
    const text = input.value.trim();
    if (!text) return close();
    try {
      const { words } = await ask("complete", { text });
      if (input.value.trim() !== text || document.activeElement !== input || !words.length) return close();
      list.replaceChildren(...words.map((word, i) => el("li", {
        role: "option", id: `${list.id}-${i}`, "aria-selected": "false",
        onmousedown: (event) => {
          event.preventDefault();
          take(word);
        },
      }, word)));
      marked = -1;
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
    } catch {
      close();
    }
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(offer, 80);
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && list.hidden) offer();
    if (list.hidden) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") mark(event.key === "ArrowDown" ? 1 : marked < 0 ? 0 : -1);
    else if (event.key === "Enter" && marked >= 0) take(list.children[marked].textContent);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  });
  return list;
}

// One word: {node, value}.
export function oneWord(label, placeholder, changed = () => {}) {
  const input = el("input", { type: "text", placeholder, maxlength: 200 });
  const list = completing(input, (word) => {
    input.value = word;
    changed();
  });
  return {
    node: el("label", { class: "field word" }, el("span", {}, label), el("span", { class: "holder" }, input, list)),
    get value() { return input.value.trim(); },
    set value(word) { input.value = word; },
  };
}

// Several words: {node, words}. What is typed and not yet a chip counts, too.
export function manyWords(label, placeholder, changed) {
  let words = [];
  const input = el("input", { type: "text", placeholder, maxlength: 2000 });
  const chips = el("span", { class: "chips" });
  const draw = () => {
    chips.replaceChildren(...words.map((word) => el("span", { class: "chip" }, word, el("button", {
      type: "button", class: "remove", "aria-label": `Remove ${word}`,
      onclick: () => {
        words = words.filter((other) => other !== word);
        draw();
        input.focus();
        changed();
      },
    }, "×"))));
    input.placeholder = words.length ? "" : placeholder;
  };
  const add = (text) => {
    words = [...new Set([...words, ...text.split(/\s+/).filter(Boolean)])];
    input.value = "";
    draw();
  };
  const list = completing(input, (word) => {
    words = [...new Set([...words, word])];
    input.value = "";
    draw();
    changed();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && input.value.trim()) {
      event.preventDefault();
      add(input.value);
      changed();
    } else if (event.key === "Backspace" && !input.value && words.length) {
      words = words.slice(0, -1);
      draw();
      changed();
    }
  });
  return {
    node: el("label", { class: "field words" }, el("span", {}, label),
      el("span", { class: "holder" }, chips, input, list)),
    get words() {
      if (input.value.trim()) add(input.value);
      return words;
    },
    set words(given) {
      words = [...new Set(given)];
      draw();
    },
  };
}

// Words that a reader may begin with, as buttons.
export function suggestions(words, take) {
  return el("p", { class: "suggestions" }, el("span", {}, "Try"), words.map((word) =>
    el("button", { type: "button", class: "chip", onclick: () => take(word) }, word)));
}
