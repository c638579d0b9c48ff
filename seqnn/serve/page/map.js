// Words on a plane, which can be moved, enlarged, and walked through with the arrow keys.

import { fill } from "./api.js";
import { el, svg } from "./dom.js";
import { manyWords, suggestions } from "./words.js";

const GROUPS = 8;
const pen = document.createElement("canvas").getContext("2d");

// Draws the points into a figure; `chosen` takes the word that is clicked.
function drawing(points, axes, grouped, chosen) {
  const layer = svg("g");
  const picture = svg("svg", { class: "plane", tabindex: 0, role: "application",
    "aria-label": `Map of ${points.length} words. Arrow keys go to the next word, Enter shows its neighbours, plus and minus enlarge.` }, layer);
  const said = el("p", { class: "said", "aria-live": "polite" });
  const xs = points.map((p) => p.x);
  const ys = points.map((p) => p.y);
  const middle = (values) => (Math.min(...values) + Math.max(...values)) / 2;
  const spread = (values) => Math.max(Math.max(...values) - Math.min(...values), 1e-9);
  const view = { scale: 1, x: 0, y: 0 };
  let size = { width: 640, height: 420 };
  let at = -1;

  const place = (p) => {
    const wide = (size.width - 130) / spread(xs);
    const high = (size.height - 60) / spread(ys);
    return [size.width / 2 + ((p.x - middle(xs)) * wide + view.x) * view.scale,
      size.height / 2 + (-(p.y - middle(ys)) * high + view.y) * view.scale];
  };
  const draw = () => {
    picture.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    picture.setAttribute("height", size.height);
    pen.font = "13px system-ui, sans-serif";
    const taken = [];
    const free = (box) => taken.every((o) => box[0] > o[2] || box[2] < o[0] || box[1] > o[3] || box[3] < o[1]);
    const places = points.map(place);
    for (const [x, y] of places) taken.push([x - 3, y - 3, x + 3, y + 3]);
    const order = points.map((_, i) => i).sort((a, b) => (b === at) - (a === at) || points[b].seed - points[a].seed);
    const nodes = [];
    for (const i of order) {
      const [x, y] = places[i];
      if (x < -20 || y < -20 || x > size.width + 20 || y > size.height + 20) continue;
      const width = pen.measureText(points[i].word).width;
      const spots = [[x + 7, y + 4], [x - 7 - width, y + 4], [x - width / 2, y - 8], [x - width / 2, y + 18]];
      const box = ([left, base]) => [left - 1, base - 12, left + width + 1, base + 3];
      const spot = spots.find((s) => free(box(s)) && s[0] > 0 && s[0] + width < size.width) ?? (i === at || points[i].seed ? spots[0] : null);
      if (spot) taken.push(box(spot));
      const kind = `g${points[i].group % GROUPS}${points[i].seed ? " seed" : ""}${i === at ? " at" : ""}`;
      nodes.push(svg("g", { class: `point ${grouped ? kind : kind.replace(/^g\d/, "g0")}`, "data-row": i },
        svg("circle", { cx: x, cy: y, r: points[i].seed ? 6 : 4.5 }),
        spot && svg("text", { x: spot[0], y: spot[1] }, points[i].word),
        svg("title", {}, points[i].word)));
    }
    layer.replaceChildren(...nodes.reverse());
  };
  const zoom = (factor, x = size.width / 2, y = size.height / 2) => {
    const next = Math.max(0.5, Math.min(40, view.scale * factor));
    view.x += (x - size.width / 2) * (1 / next - 1 / view.scale);
    view.y += (y - size.height / 2) * (1 / next - 1 / view.scale);
    view.scale = next;
    draw();
  };
  const walk = (dx, dy) => {
    const [x, y] = at < 0 ? [size.width / 2, size.height / 2] : place(points[at]);
    let best = at;
    let least = Infinity;
    points.forEach((p, i) => {
      const [px, py] = place(p);
      const along = (px - x) * dx + (py - y) * dy;
      const across = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
      if (i !== at && along > 0 && along + 2 * across < least) [best, least] = [i, along + 2 * across];
    });
    at = best;
    if (at >= 0) said.textContent = points[at].word;
    draw();
  };
  picture.addEventListener("keydown", (event) => {
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (step) walk(...step);
    else if (event.key === "Enter" && at >= 0) chosen(points[at].word);
    else if (event.key === "+" || event.key === "=") zoom(1.4);
    else if (event.key === "-") zoom(1 / 1.4);
    else return;
    event.preventDefault();
  });
  picture.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== picture) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, event.offsetX, event.offsetY);
  }, { passive: false });
  let from = null;
  picture.addEventListener("pointerdown", (event) => {
    from = { x: event.clientX, y: event.clientY, row: event.target.closest("[data-row]")?.dataset.row, moved: false };
  });
  picture.addEventListener("pointermove", (event) => {
    if (!from || !event.buttons) return;
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (!from.moved && Math.hypot(dx, dy) < 4) return;
    if (!from.moved) picture.setPointerCapture(event.pointerId);
    view.x += dx / view.scale;
    view.y += dy / view.scale;
    Object.assign(from, { x: event.clientX, y: event.clientY, moved: true });
    draw();
  });
  picture.addEventListener("pointerup", () => {
    if (from && !from.moved && from.row !== undefined) chosen(points[from.row].word);
    from = null;
  });
  new ResizeObserver(([entry]) => {
    const width = Math.round(entry.contentRect.width);
    if (!width || width === size.width) return;
    size = { width, height: Math.round(Math.max(340, Math.min(640, width * 0.66, innerHeight - 290))) };
    draw();
  }).observe(picture);
  draw();
  const tool = (sign, label, act) => el("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick: act }, sign);
  return el("figure", { class: "map-figure" },
    el("div", { class: "tools" }, tool("+", "Enlarge", () => zoom(1.4)), tool("−", "Make smaller", () => zoom(1 / 1.4)),
      tool("⟲", "Show all", () => { Object.assign(view, { scale: 1, x: 0, y: 0 }); draw(); })),
    picture, said,
    el("figcaption", {}, axes.length ? `→ ${axes[0]} · ↑ ${axes[1]}` : "t-SNE: near words are similar; distances between groups mean little."));
}

export function map(place, about, go) {
  const submit = () => go("map", {
    ...(words.words.length ? { words: words.words, neighbours: near.value } : { count: count.value }),
    ...(method.value === "pca" ? {} : { method: method.value }),
  });
  const choices = (options) => el("select", { onchange: submit }, options.map(([value, text]) => el("option", { value }, text)));
  const words = manyWords("Words", `the first ones; or type some …`, submit);
  const near = choices([0, 5, 10, 20, 50].map((n) => [n, String(n)]));
  const count = choices([50, 150, 300, 500].map((n) => [n, String(n)]));
  const method = choices([["pca", "PCA"], ["tsne", "t-SNE"]].filter(([name]) => about.words.methods.includes(name)));
  const labelled = (text, node) => el("label", { class: "field small" }, el("span", {}, text), node);
  const nearField = labelled("with neighbours", near);
  const countField = labelled("First", count);
  const result = el("div", { class: "result" });
  place.append(
    el("form", { class: "bar-of-fields", onsubmit: (event) => { event.preventDefault(); submit(); } },
      words.node, nearField, countField, labelled("By", method), el("button", { class: "primary" }, "Draw")),
    result);

  return (fields) => {
    words.words = fields.getAll("words");
    near.value = fields.get("neighbours") ?? "10";
    count.value = fields.get("count") ?? "150";
    method.value = fields.get("method") ?? "pca";
    const named = words.words.length > 0;
    nearField.hidden = !named;
    countField.hidden = named;
    const asked = named ? { words: words.words, neighbours: Number(near.value) } : { count: Number(count.value) };
    fill(result, "map", { ...asked, method: method.value }, ({ points, axes, left_out: left }) => {
      for (const point of points) point.seed = named && words.words.includes(point.word) ? 1 : 0;
      return [
        drawing(points, axes, words.words.length > 1, (word) => go("neighbours", { positive: word })),
        left.length ? el("p", { class: "hint" }, `Left out, as their vectors are not finite: ${left.join(", ")}`) : null,
        named ? null : suggestions(about.words.first.slice(0, 12), (word) => go("map", { words: word })),
      ].filter(Boolean);
    });
  };
}
