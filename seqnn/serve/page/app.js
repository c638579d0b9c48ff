// The page: its views, and which of them the address names: #view?field=value.

import { about } from "./api.js";
import { attention } from "./attention.js";
import { beams } from "./beams.js";
import { bias } from "./bias.js";
import { address, el } from "./dom.js";
import { fillIn } from "./fill.js";
import { map } from "./map.js";
import { analogies, neighbours } from "./neighbours.js";

const VIEWS = [
  { name: "neighbours", needs: "neighbours", title: "Neighbours", make: neighbours },
  { name: "analogies", needs: "neighbours", title: "Analogies", make: analogies },
  { name: "map", needs: "map", title: "Map", make: map },
  { name: "axis", needs: "bias", title: "Bias axis", make: bias },
  { name: "attention", needs: "attention", title: "Attention", make: attention },
  { name: "beams", needs: "beams", title: "Beams", make: beams },
  { name: "fill", needs: "fill", title: "Fill in", make: fillIn },
];

const go = (view, fields = {}) => {
  const wanted = address(view, fields);
  if (location.hash === wanted) dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = wanted;
};

async function start() {
  const main = document.getElementById("main");
  const told = await about();
  const views = VIEWS.filter((view) => told.views.includes(view.needs));
  const links = views.map((view) => el("a", { href: `#${view.name}` }, view.title));
  document.getElementById("name").textContent = told.name;
  document.getElementById("about").textContent = [
    told.model?.kind,
    told.words && `${told.words.count.toLocaleString("en")} ${told.model ? "tokens" : "words"} × ${told.words.size}`,
  ].filter(Boolean).join(" · ");
  document.getElementById("views").replaceChildren(...links);

  let present, update;
  const show = () => {
    const [name, query = ""] = location.hash.slice(1).split("?");
    if (name === "main") return;
    const first = told.model ? views.find((view) => ["attention", "beams"].includes(view.name)) ?? views[0] : views[0];
    const view = views.find((each) => each.name === name) ?? first;
    views.forEach((each, i) => {
      if (each === view) links[i].setAttribute("aria-current", "page");
      else links[i].removeAttribute("aria-current");
    });
    if (view !== present) {
      const place = el("section", { "aria-label": view.title });
      main.replaceChildren(place);
      update = view.make(place, told, go);
      present = view;
      document.title = `${view.title} · ${told.name}`;
      links[views.indexOf(view)].scrollIntoView({ block: "nearest", inline: "center" });
    }
    update(new URLSearchParams(query));
  };
  addEventListener("hashchange", show);
  show();
}

function themes() {
  const button = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const theme = localStorage.getItem("theme") ?? (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    button.textContent = theme === "dark" ? "☀" : "☾";
  };
  button.addEventListener("click", () => {
    localStorage.setItem("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    apply();
  });
  dark.addEventListener("change", apply);
  apply();
}

themes();
start().catch(() => {
  document.getElementById("main").replaceChildren(el("p", { class: "error" }, "The server does not answer."));
});
