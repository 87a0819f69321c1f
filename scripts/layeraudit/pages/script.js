"use strict";

// Sort by a header's column; controls, in a body of their own, stay last.

const opposite = { ascending: "descending", descending: "ascending" };

function sort(header) {
  const order = opposite[header.getAttribute("aria-sort")] ?? header.dataset.order;
  const sign = order === "ascending" ? 1 : -1;
  const isText = header.classList.contains("text");
  for (const body of header.closest("table").tBodies) {
    const keyed = [...body.rows].map((row) => [row.cells[header.cellIndex].dataset.value, row]);
    keyed.sort(([one], [other]) => {
      if (one === "" || other === "") return (one === "") - (other === "");  // what is missing stays last
      return sign * (isText ? one.localeCompare(other, "en", { numeric: true }) : one - other);
    });
    body.append(...keyed.map(([, row]) => row));
  }
  for (const cell of header.parentNode.cells) cell.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", order);
}

for (const header of document.querySelectorAll("th[data-order]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...header.childNodes);
  button.addEventListener("click", () => sort(header));
  header.append(button);
}

// Filter rows and cards by the form and by the address, which always say the same.

const form = document.getElementById("filters");
const items = [...document.querySelectorAll("tr, .card")]
  .filter((item) => Object.keys(item.dataset).length)
  .map((item) => ({ item, text: item.textContent.toLowerCase() }));

function show() {
  const chosen = [...new FormData(form)].filter(([, value]) => value.trim() !== "");
  const names = chosen.filter(([key]) => key !== "search");
  const words = (new FormData(form).get("search") ?? "").toLowerCase().split(/\s+/);
  for (const { item, text } of items) {
    const isNamed = names.every(([key, value]) => (item.dataset[key] ?? value) === value);
    item.hidden = !(isNamed && words.every((word) => text.includes(word)));
  }
  for (const output of document.querySelectorAll("output[data-table]")) {
    const bodies = [...document.getElementById(output.dataset.table).tBodies];
    const rows = bodies.flatMap((body) => [...body.rows]);
    output.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  }
  return chosen;
}

function change() {
  const first = (key) => form.elements[key].options?.[0].value;
  const address = new URLSearchParams(show().filter(([key, value]) => value !== first(key)));
  history.replaceState(null, "", `#${address}`);
}

function follow() {
  const address = location.hash.slice(1);
  if (!address.includes("=")) return show();  // a section, or nothing
  const wanted = new URLSearchParams(address);
  for (const box of form.elements) {
    if (!box.name) continue;
    box.value = wanted.get(box.name) ?? "";
    if (box.options && box.selectedIndex < 0) box.selectedIndex = 0;
  }
  show();
  const keys = [...wanted.keys()].filter((key) => key !== "search");
  const tables = [...document.querySelectorAll("table[data-keys]")];
  tables.find((table) => keys.every((key) => table.dataset.keys.split(" ").includes(key)))
    ?.closest("section").scrollIntoView();
}

if (form) {
  for (const part of document.querySelectorAll("[data-scripted]")) part.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(change));  // boxes are set back after this event
  for (const box of form.elements) {
    box.addEventListener(box.type === "search" ? "input" : "change", change);
  }
  addEventListener("hashchange", follow);
  document.getElementById("filtering").open = innerWidth > 640 || location.hash.includes("=");
  follow();
}
