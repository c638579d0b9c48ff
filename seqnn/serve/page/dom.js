// Elements. All text goes in as text, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

function filled(node, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export const el = (tag, properties, ...children) => filled(document.createElement(tag), properties, children);

export const svg = (tag, properties, ...children) => filled(document.createElementNS(SVG, tag), properties, children);

// A bar as wide as a share from 0 to 1.
export function bar(share, kind = "") {
  const fill = el("span", { class: `fill ${kind}` });
  fill.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return el("span", { class: "bar", "aria-hidden": "true" }, fill);
}

export const signed = (number, digits = 3) => number.toFixed(digits).replace("-", "−");

// The address of a view with its fields; a list is a field that comes several times.
export function address(view, fields) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) for (const each of [value].flat()) query.append(name, each);
  return `#${view}?${query}`;
}

// A token as it is shown: a space at its beginning can be seen.
export const shown = (token) => token.replace(/^ /, "·").replace(/\n/g, "⏎") || "∅";

// Moves the focus among the buttons of a grid by the arrow keys; only one of them is reached by Tab.
export function arrows(grid, columns) {
  grid.addEventListener("keydown", (event) => {
    const cells = [...grid.querySelectorAll("button")];
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    const next = cells[cells.indexOf(document.activeElement) + (step ?? NaN)];
    if (!next) return;
    event.preventDefault();
    for (const cell of cells) cell.tabIndex = cell === next ? 0 : -1;
    next.focus();
  });
}
