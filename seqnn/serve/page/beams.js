// A beam search: the sequences that it found, and the tree of all that it looked at.

import { fill } from "./api.js";
import { el, shown, signed, svg } from "./dom.js";

const LINE = 26;

function sequences(found) {
  const head = el("tr", {}, ["", "Continuation", "Score", "End"].map((text) => el("th", { scope: "col" }, text)));
  const row = (each, i) => el("tr", {}, el("td", { class: "number" }, String(i + 1)),
    el("td", {}, each.tokens.map((token, t) => {
      const node = el("span", { class: "token", title: `${signed(each.log_probs[t])} (probability ${Math.exp(each.log_probs[t]).toFixed(3)})` }, shown(token));
      node.style.setProperty("--share", `${(100 * Math.exp(each.log_probs[t])).toFixed(1)}%`);
      return node;
    })),
    el("td", { class: "number" }, signed(each.score)), el("td", {}, { eos: "ended", length: "cut", stop: "stopped" }[each.reason] ?? each.reason));
  return el("div", { class: "scroll" }, el("table", {}, el("thead", {}, head), el("tbody", {}, found.map(row))));
}

// The depth of each node, and its line: leaves stand one below another, a parent beside its first child, the best sequence at the top.
function layout(tree, nodes, best) {
  const children = new Map(nodes.map((n) => [n, []]));
  for (const n of nodes) if (n) children.get(tree.parents[n]).push(n);
  for (const below of children.values()) below.sort((a, b) => best.has(b) - best.has(a));
  const depth = [0];
  const line = [];
  let leaves = 0;
  const visit = (n) => {
    for (const child of children.get(n)) {
      depth[child] = depth[n] + 1;
      visit(child);
    }
    const below = children.get(n);
    line[n] = below.length ? line[below[0]] : leaves++;
  };
  visit(0);
  return { depth, line, leaves };
}

function picture(tree, dropped) {
  const nodes = tree.tokens.map((_, n) => n).filter((n) => dropped || tree.fates[n] !== "dropped");
  const name = (n) => (n ? shown(tree.tokens[n]) : "start");
  const cut = (text) => (text.length > 12 ? `${text.slice(0, 11)}…` : text);
  const step = 46 + 7.4 * Math.max(...nodes.map((n) => cut(name(n)).length));
  const best = new Set();
  for (let n = tree.best[0] ?? 0; n > 0; n = tree.parents[n]) best.add(n);
  const { depth, line, leaves } = layout(tree, nodes, best);
  const x = (n) => 34 + depth[n] * step;
  const y = (n) => 18 + line[n] * LINE;
  const kind = (n) => `${best.has(n) ? "best" : tree.fates[n]}`;
  const half = (n) => 8 + 3.7 * cut(name(n)).length;
  const edges = nodes.filter(Boolean).map((n) => {
    const [from, to] = [x(tree.parents[n]) + half(tree.parents[n]), x(n) - half(n)];
    const middle = (from + to) / 2;
    return svg("path", { class: `edge ${kind(n)}`, d: `M${from} ${y(tree.parents[n])}C${middle} ${y(tree.parents[n])} ${middle} ${y(n)} ${to} ${y(n)}` });
  });
  const boxes = nodes.map((n) => svg("g", { class: `node ${n ? kind(n) : "start"}` },
    svg("rect", { x: x(n) - half(n), y: y(n) - 10, width: 2 * half(n), height: 20, rx: 10 }),
    svg("text", { x: x(n), y: y(n) + 4, "text-anchor": "middle" }, cut(name(n))),
    svg("title", {}, n ? `${shown(tree.tokens[n])}\nlog-probability ${signed(tree.log_probs[n])}\nscore ${signed(tree.scores[n])}\n${tree.fates[n]}` : tree.tokens[0])));
  const width = 60 + Math.max(...nodes.map((n) => x(n) + half(n)));
  const height = 24 + leaves * LINE;
  return svg("svg", { class: "tree", width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Tree of ${nodes.length} prefixes; the table above lists the sequences` }, ...edges, ...boxes);
}

function shownTree(tree) {
  const box = el("div", { class: "scroll tall", tabindex: 0 });
  const toggle = el("input", { type: "checkbox", checked: tree.tokens.length < 60 });
  const draw = () => box.replaceChildren(picture(tree, toggle.checked));
  toggle.addEventListener("change", draw);
  draw();
  return [
    el("h2", {}, "The tree of the search"),
    el("p", { class: "legend" }, [["best", "the best"], ["finished", "finished"], ["kept", "kept"], ["dropped", "dropped"]].map(([kind, text]) =>
      el("span", { class: kind }, text)), el("label", {}, toggle, " show what was dropped")),
    box,
  ];
}

export function beams(place, about, go) {
  const text = el("textarea", { rows: 2, maxlength: 5000, placeholder: "The beginning of a text …", "aria-label": "Text" });
  const numeric = (value, min, max, step) => el("input", { type: "number", value, min, max, step });
  const count = numeric(4, 2, 16, 1);
  const length = numeric(12, 1, 64, 1);
  const penalty = numeric(1, -5, 5, 0.1);
  const result = el("div", { class: "result", "aria-live": "polite" });
  const submit = () => go("beams", { text: text.value, beams: count.value, tokens: length.value, penalty: penalty.value });
  const labelled = (title, node) => el("label", { class: "field small" }, el("span", {}, title), node);
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); submit(); }
  });
  place.append(el("form", { class: "bar-of-fields", onsubmit: (event) => { event.preventDefault(); submit(); } }, text,
    labelled("Beams", count), labelled("New tokens", length), labelled("Length penalty", penalty), el("button", { class: "primary" }, "Search")), result);
  return (fields) => {
    text.value = fields.get("text") ?? "";
    count.value = fields.get("beams") ?? 4;
    length.value = fields.get("tokens") ?? 12;
    penalty.value = fields.get("penalty") ?? 1;
    if (!text.value.trim()) {
      result.replaceChildren(el("p", { class: "hint" }, "What a beam search finds after a text. A token is as strongly coloured as it is probable after those before it."));
      return;
    }
    const asked = { text: text.value, num_beams: Number(count.value), max_new_tokens: Number(length.value), length_penalty: Number(penalty.value) };
    fill(result, "beams", asked, (answer) => [sequences(answer.sequences), ...shownTree(answer.tree)]);
  };
}
