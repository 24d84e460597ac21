// A small line chart of the last fifteen minutes, with an axis and the values at the time under the
// pointer or chosen with the arrow keys.

import { h } from "../../../client/lib/dom.js";
import { SPAN } from "../model/samples.js";
import { time, toMinute } from "./format.js";

const HEIGHT = 164;
const EDGE = { left: 54, right: 10, top: 8, bottom: 20 };
/** Two samples further apart than this are not joined. */
const GAP = 8_000;

const svg = (tag, properties = {}, ...children) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

export class Chart {
  #lines;
  #format;
  #isWhole;
  #point;
  #list = [];
  #now = 0;
  #at = null;
  #width = 0;
  #picture = svg("svg", { height: HEIGHT, "aria-hidden": "true" });
  #legend = h("div", { class: "legend" });
  #time = h("span", { class: "at" });
  #plot;
  element;

  /** `lines(list)` names the lines: `{key, name, value(sample)}`. `point(at)` is
   * told which time is looked at, or null. */
  constructor({ title, note, lines, format, isWhole, point }) {
    this.#lines = lines;
    this.#format = format;
    this.#isWhole = isWhole ?? false;
    this.#point = point;
    this.#plot = h("div", {
      class: "plot", tabindex: "0", role: "slider", "aria-label": `${title}, value by time`,
      "aria-valuemin": "0", "aria-valuemax": "0", "aria-valuenow": "0", "aria-valuetext": "no values yet",
      on: {
        pointermove: (event) => this.#point(this.#timeAt(event.clientX)),
        pointerdown: (event) => this.#point(this.#timeAt(event.clientX)),
        pointerleave: () => this.#point(null),
        keydown: (event) => this.#key(event),
        blur: () => this.#point(null),
      },
    }, this.#picture);
    this.element = h("section", { class: "chart" },
      h("header", {}, h("h3", {}, title, " ", note ? h("span", { class: "note" }, note) : null), this.#time),
      this.#legend, this.#plot);
    new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width === this.#width) return;
      this.#width = contentRect.width;
      this.#paint();
    }).observe(this.#plot);
  }

  show(list, now) {
    this.#list = list;
    this.#now = now;
    this.#paint();
  }

  /** Shows the values of a time; null: the last ones. */
  look(at) {
    this.#at = at;
    this.#paint();
  }

  #key(event) {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: -30, PageDown: 30, Home: -Infinity, End: Infinity };
    if (event.key === "Escape") return this.#point(null);
    const step = steps[event.key];
    if (!step || this.#list.length === 0) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(this.#list.length - 1, this.#index() + step));
    this.#point(this.#list[next].at);
  }

  #index() {
    if (this.#at === null) return this.#list.length - 1;
    let best = 0;
    this.#list.forEach(({ at }, index) => {
      if (Math.abs(at - this.#at) < Math.abs(this.#list[best].at - this.#at)) best = index;
    });
    return best;
  }

  #timeAt(clientX) {
    const x = clientX - this.#picture.getBoundingClientRect().left;
    const share = (x - EDGE.left) / (this.#width - EDGE.left - EDGE.right);
    return this.#now - SPAN * (1 - Math.min(1, Math.max(0, share)));
  }

  #paint() {
    if (this.#width === 0) return;
    const lines = this.#lines(this.#list);
    const values = this.#list.flatMap((sample) => lines.map((line) => line.value(sample) ?? 0));
    const top = this.#top(Math.max(...values, 0));
    const x = (at) => EDGE.left + (this.#width - EDGE.left - EDGE.right) * (1 - (this.#now - at) / SPAN);
    const y = (value) => HEIGHT - EDGE.bottom - (HEIGHT - EDGE.top - EDGE.bottom) * (value / top);
    const index = this.#index();
    const sample = this.#list[index];
    const parts = [...this.#axes(top, x, y)];
    lines.forEach((line, number) => parts.push(svg("path", { class: `line s${number % 6}`, d: path(this.#list, line.value, x, y) })));
    if (sample && this.#at !== null) {
      parts.push(svg("line", { class: "cursor", x1: x(sample.at), x2: x(sample.at), y1: EDGE.top, y2: HEIGHT - EDGE.bottom }));
      lines.forEach((line, number) => {
        const value = line.value(sample);
        if (value !== null) parts.push(svg("circle", { class: `dot s${number % 6}`, cx: x(sample.at), cy: y(value), r: 3.5 }));
      });
    }
    this.#picture.setAttribute("width", this.#width);
    this.#picture.replaceChildren(...parts);
    this.#read(lines, sample, index);
  }

  /** Where the axis ends. Half of it has to be a number of things as well. */
  #top(most) {
    const top = roundUp(most);
    return this.#isWhole ? Math.max(2, top + (top % 2)) : top;
  }

  #axes(top, x, y) {
    const right = this.#width - EDGE.right;
    const parts = [];
    for (const value of [0, top / 2, top]) {
      parts.push(svg("line", { class: value === 0 ? "axis" : "grid", x1: EDGE.left, x2: right, y1: y(value), y2: y(value) }));
      parts.push(svg("text", { x: EDGE.left - 7, y: y(value) + 4, "text-anchor": "end" }, this.#format(value)));
    }
    const step = 5 * 60_000;
    for (let at = Math.ceil((this.#now - SPAN) / step) * step; at <= this.#now; at += step) {
      if (x(at) < EDGE.left + 12 || x(at) > right - 12) continue;
      parts.push(svg("line", { class: "grid", x1: x(at), x2: x(at), y1: EDGE.top, y2: HEIGHT - EDGE.bottom }));
      parts.push(svg("text", { x: x(at), y: HEIGHT - 5, "text-anchor": "middle" }, toMinute(at)));
    }
    return parts;
  }

  #read(lines, sample, index) {
    const said = (line) => this.#format(sample ? line.value(sample) : null);
    this.#legend.classList.toggle("single", lines.length === 1 && lines[0].name === "");
    while (this.#legend.children.length > lines.length) this.#legend.lastElementChild.remove();
    lines.forEach((line, number) => {
      const entry = this.#legend.children[number] ?? this.#legend.appendChild(h("span", {}, h("i", {}), h("span", {}), h("b", {})));
      entry.className = `entry s${number % 6}`;
      entry.children[1].textContent = line.name;
      entry.children[2].textContent = said(line);
    });
    this.#time.textContent = sample && this.#at !== null ? time(sample.at) : "";
    const words = sample ? `${time(sample.at)}: ${lines.map((line) => `${line.name} ${said(line)}`.trim()).join(", ")}` : "no values yet";
    this.#plot.setAttribute("aria-valuemax", Math.max(0, this.#list.length - 1));
    this.#plot.setAttribute("aria-valuenow", Math.max(0, index));
    this.#plot.setAttribute("aria-valuetext", words);
  }
}

/** The next of 1, 2, 3, 4, 5, 6, 8, 10, 20 and so on. */
function roundUp(value) {
  if (!(value > 0)) return 1;
  const size = 10 ** Math.floor(Math.log10(value));
  return size * ([1, 2, 3, 4, 5, 6, 8].find((step) => step * size >= value * 1.000001) ?? 10);
}

function path(list, value, x, y) {
  let d = "";
  let last = null;
  list.forEach((sample, index) => {
    const now = value(sample);
    if (now === null || now === undefined) {
      last = null;
      return;
    }
    const isJoined = last !== null && sample.at - last <= GAP;
    const next = list[index + 1];
    const isAlone = !isJoined && (!next || (value(next) ?? null) === null);
    d += `${isJoined ? "L" : "M"}${x(sample.at).toFixed(1)} ${y(now).toFixed(1)}${isAlone ? "h.01" : ""}`;
    last = sample.at;
  });
  return d;
}
