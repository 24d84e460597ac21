// A table that is sorted by its headings and updated in place: rows that stay keep their elements,
// and with them focus and selection.

import { h, reconcile } from "../../../client/lib/dom.js";

/** The most rows in the document. */
const MOST = 300;

const compare = (one, other) => {
  if (typeof one === "string" && typeof other === "string") return one.localeCompare(other, undefined, { sensitivity: "base", numeric: true });
  return one < other ? -1 : one > other ? 1 : 0;
};

export class Table {
  #columns;
  #keyOf;
  #sort;
  #rows = [];
  #body = h("tbody");
  #more = h("p", { class: "state more", hidden: true });
  #empty = h("div", { class: "empty", hidden: true });
  #paintEmpty;
  element;

  /** Each column has a `name`; `text(row)` is what it says, `value(row)` what
   * it is sorted by if that is not its text, and `fill(cell, row)` fills a cell
   * that is more than text, whenever its text has changed. */
  constructor({ label, columns, keyOf, sort, empty }) {
    this.#columns = columns;
    this.#keyOf = keyOf;
    this.#sort = { column: columns.find(({ name }) => name === sort.by), down: sort.down ?? false };
    this.#paintEmpty = empty;
    this.element = h("div", { class: "table" },
      h("table", { "aria-label": label },
        h("thead", {}, h("tr", {}, columns.map((column) => this.#heading(column)))),
        this.#body),
      this.#empty, this.#more);
    this.#markSort();
  }

  show(rows) {
    this.#rows = rows;
    this.#paint();
  }

  #heading(column) {
    if (!column.text) return h("th", { scope: "col", class: column.class }, column.heading ?? h("span", { class: "unseen" }, column.name));
    const click = () => {
      this.#sort = { column, down: this.#sort.column === column && !this.#sort.down };
      this.#markSort();
      this.#paint();
    };
    column.head = h("th", { scope: "col", class: column.class }, h("button", { type: "button", on: { click } }, column.name));
    return column.head;
  }

  #markSort() {
    for (const column of this.#columns) {
      const order = column === this.#sort.column ? (this.#sort.down ? "descending" : "ascending") : null;
      if (order) column.head.setAttribute("aria-sort", order);
      else column.head?.removeAttribute("aria-sort");
    }
  }

  #paint() {
    const { column, down } = this.#sort;
    const value = column.value ?? column.text;
    const sorted = [...this.#rows].sort((one, other) => (down ? -1 : 1) * compare(value(one), value(other)));
    const shown = sorted.slice(0, MOST);
    reconcile(this.#body, shown, this.#keyOf, () => this.#row(), (element, row) => this.#update(element, row));
    const rest = sorted.length - shown.length;
    this.#more.hidden = rest === 0;
    this.#more.textContent = `${rest.toLocaleString()} more are not shown. Filter to see them.`;
    this.#empty.hidden = sorted.length > 0;
    if (sorted.length === 0) this.#empty.replaceChildren(this.#paintEmpty());
    this.#body.parentElement.hidden = sorted.length === 0;
  }

  #row() {
    return h("tr", {}, this.#columns.map((column) => h("td", { class: column.class, data: { name: column.name } })));
  }

  #update(element, row) {
    element.row = row;
    this.#columns.forEach((column, index) => {
      const cell = element.children[index];
      const text = column.text?.(row) ?? "";
      if (cell.shows !== text) {
        cell.shows = text;
        if (column.fill) column.fill(cell, row, element);
        else cell.textContent = text;
      }
      column.update?.(cell, row);
    });
  }
}
