// The attention of a text: every layer and head as a small picture, and one of them in full.

import { fill } from "./api.js";
import { arrows, el, shown, svg } from "./dom.js";

function unpacked(part) {
  const bytes = Uint8Array.from(atob(part.weights), (letter) => letter.charCodeAt(0));
  const values = new DataView(bytes.buffer);
  const [rows, columns] = [part.rows.length, part.columns.length];
  return (layer, head, row, column) =>
    values.getUint16(2 * (((layer * part.heads + head) * rows + row) * columns + column), true) / 65535;
}

const largest = (weight, part, layer, head) => {
  let most = 0;
  for (let i = 0; i < part.rows.length; i++)
    for (let j = 0; j < part.columns.length; j++) most = Math.max(most, weight(layer, head, i, j));
  return most || 1;
};

// Paints a head in the colour of the page: a pixel a weight.
function thumbnail(weight, part, layer, head) {
  const [rows, columns] = [part.rows.length, part.columns.length];
  const canvas = el("canvas", { width: columns, height: rows });
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const most = largest(weight, part, layer, head);
  const [red, green, blue] = getComputedStyle(document.documentElement).getPropertyValue("--ink-of-weights").split(" ").map(Number);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++)
      image.data.set([red, green, blue, 255 * Math.sqrt(weight(layer, head, i, j) / most)], 4 * (i * columns + j));
  context.putImageData(image, 0, 0);
  return canvas;
}

function heatmap(weight, part, layer, head, chosen, choose) {
  const [rows, columns] = [part.rows.length, part.columns.length];
  const cell = Math.max(12, Math.min(30, Math.floor(620 / columns)));
  const longest = (tokens) => Math.min(14, Math.max(...tokens.map((token) => shown(token).length)));
  const cut = (token) => (shown(token).length > 14 ? `${shown(token).slice(0, 13)}…` : shown(token));
  const left = 16 + 7.6 * longest(part.rows);
  const top = 14 + 5.8 * longest(part.columns);
  const most = largest(weight, part, layer, head);
  const value = el("p", { class: "caption", "aria-hidden": "true" }, "Point at a cell to see its weight, choose a token to see what it attends to.");
  const cells = [];
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) {
      const w = weight(layer, head, i, j);
      const told = () => { value.textContent = `${shown(part.rows[i])} → ${shown(part.columns[j])}: ${w.toFixed(4)}`; };
      cells.push(svg("rect", { class: "cell", x: left + j * cell, y: top + i * cell, width: cell - 1, height: cell - 1, rx: 2,
        "fill-opacity": (w / most).toFixed(3), onpointerenter: told, onclick: () => choose(i) }));
    }
  const size = Math.min(13, cell - 1);
  const labels = [
    ...part.rows.map((token, i) => svg("text", { class: i === chosen ? "at" : "", x: left - 6, y: top + (i + 0.5) * cell + 4,
      "text-anchor": "end", "font-size": size, onclick: () => choose(i) }, cut(token))),
    ...part.columns.map((token, j) => svg("text", { transform: `translate(${left + (j + 0.6) * cell} ${top - 6}) rotate(-45)`, "font-size": size }, cut(token))),
  ];
  const frame = svg("rect", { class: "frame", x: left - 1, y: top + chosen * cell - 1, width: columns * cell + 1, height: cell + 1, rx: 3 });
  const [width, height] = [left + columns * cell + 5 * longest(part.columns), top + rows * cell + 4];
  return [el("div", { class: "scroll" }, svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", class: "heat",
    "aria-label": `Weights of layer ${layer + 1}, head ${head + 1}` }, ...cells, ...labels, frame)), value];
}

// The tokens of the text; the one that is chosen attends to the others as strongly as they are coloured.
function strip(weight, part, layer, head, chosen, choose) {
  const most = Math.max(...part.columns.map((_, j) => weight(layer, head, chosen, j))) || 1;
  const same = part.rows === part.columns || part.rows.join("\n") === part.columns.join("\n");
  const token = (text, j) => {
    const node = el(same ? "button" : "span", { class: "token", type: same && "button", tabindex: same ? (j === chosen ? 0 : -1) : null,
      "aria-pressed": same ? String(j === chosen) : null, title: weight(layer, head, chosen, j).toFixed(4), onclick: same ? () => choose(j, true) : () => {} }, shown(text));
    node.style.setProperty("--share", (100 * weight(layer, head, chosen, j) / most).toFixed(1) + "%");
    return node;
  };
  const box = el("p", { class: "tokens" }, part.columns.map(token));
  if (same) arrows(box, part.columns.length);
  return box;
}

function explorer(parts) {
  const place = el("div", { class: "explorer" });
  const at = { part: 0, layer: 0, head: 0, row: 0 };
  const big = el("div", { class: "big" });
  const drawBig = (focus) => {
    const part = parts[at.part];
    const weight = unpacked(part);
    const choose = (row, again) => { at.row = row; drawBig(again); };
    big.replaceChildren(
      el("h2", {}, `Layer ${at.layer + 1}, head ${at.head + 1}`),
      strip(weight, part, at.layer, at.head, at.row, choose),
      ...heatmap(weight, part, at.layer, at.head, at.row, choose));
    if (focus) big.querySelector("[aria-pressed=true]")?.focus();
  };
  const draw = () => {
    const part = parts[at.part];
    const weight = unpacked(part);
    const buttons = [];
    for (let layer = 0; layer < part.layers; layer++)
      for (let head = 0; head < part.heads; head++)
        buttons.push(el("button", { type: "button", class: "head", tabindex: buttons.length ? -1 : 0,
          "aria-label": `Layer ${layer + 1}, head ${head + 1}`, title: `Layer ${layer + 1}, head ${head + 1}`,
          "aria-pressed": String(layer === at.layer && head === at.head),
          onclick: (event) => {
            Object.assign(at, { layer, head });
            for (const each of buttons) each.setAttribute("aria-pressed", String(each === event.currentTarget));
            drawBig();
          } }, thumbnail(weight, part, layer, head)));
    const grid = el("div", { class: "heads" }, buttons);
    grid.style.setProperty("--heads", part.heads);
    arrows(grid, part.heads);
    const tabs = parts.length < 2 ? null : el("p", { class: "tabs" }, parts.map((each, i) => el("button", { type: "button", class: "chip",
      "aria-pressed": String(i === at.part), onclick: () => { Object.assign(at, { part: i, layer: 0, head: 0, row: 0 }); draw(); } }, each.name)));
    place.replaceChildren(...[tabs].filter(Boolean), el("div", { class: "sides" },
      el("div", {}, el("p", { class: "caption" }, `${part.layers} layers (down) × ${part.heads} heads (across)`), grid), big));
    drawBig();
  };
  draw();
  return place;
}

export function attention(place, about, go) {
  const text = el("textarea", { rows: 2, maxlength: 5000, placeholder: "A sentence …", "aria-label": "Text" });
  const result = el("div", { class: "result" });
  const submit = () => go("attention", { text: text.value });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); submit(); }
  });
  place.append(el("form", { class: "bar-of-fields", onsubmit: (event) => { event.preventDefault(); submit(); } }, text,
    el("button", { class: "primary" }, "Show")), result);
  return (fields) => {
    text.value = fields.get("text") ?? "";
    if (!text.value.trim()) {
      const example = "The cat sat on the mat because it was tired.";
      result.replaceChildren(el("p", { class: "hint" }, "How much each token of a text attends to each other one, in every layer and head."),
        el("p", { class: "suggestions" }, el("span", {}, "Try"), el("button", { type: "button", class: "chip", onclick: () => go("attention", { text: example }) }, example)));
      return;
    }
    fill(result, "attention", { text: text.value }, ({ parts }) => explorer(parts));
  };
}
