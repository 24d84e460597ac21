// The state of the server: present figures, and graphs of the last minutes.

import { h } from "../../../client/lib/dom.js";
import { Chart } from "./chart.js";
import { stateLine } from "./dialog.js";
import { bytes, count, duration, fullTime, percent, rate, seconds, toMinute } from "./format.js";

const byProtocol = (list) => {
  const names = [...new Set(list.flatMap(({ connections }) => Object.keys(connections)))].sort();
  return names.map((name) => ({ name, value: ({ connections }) => connections[name] ?? 0 }));
};

const single = (value) => () => [{ name: "", value }];

/** What is drawn. */
const CHARTS = [
  { title: "Connections", format: count, isWhole: true, lines: byProtocol },
  { title: "Messages", note: "a second", format: rate, lines: single((sample) => sample.messages) },
  { title: "Message time", note: "until told, over 30 s", format: seconds, lines: () => [
    { name: "p50", value: (sample) => sample.p50 }, { name: "p99", value: (sample) => sample.p99 }] },
  { title: "Deliveries", note: "a second", format: rate, lines: single((sample) => sample.deliveries) },
  { title: "Memory", note: "resident", format: bytes, lines: single((sample) => sample.memory) },
  { title: "Processor", note: "of one core", format: percent, lines: single((sample) => sample.cpu) },
];

/** The figures: what, its value, and a word on it; from the last sample and
 * the server's status. */
const TILES = [
  ["People on", ({ users }) => count(users), () => "nicknames"],
  ["Connections", ({ open }) => count(open), ({ connections }) => Object.entries(connections).filter(([, open]) => open > 0).map(([name, open]) => `${name}\u00a0${count(open)}`).join(", ") || "none"],
  ["Channels", ({ channels }) => count(channels), () => ""],
  ["Messages", ({ messages }) => rate(messages), () => "a second"],
  ["Deliveries", ({ deliveries }) => rate(deliveries), ({ sent }) => `a second, ${bytes(sent)}/s`],
  ["Message time", ({ p50 }) => seconds(p50), ({ p50, p99 }) => (p50 === null ? "no messages in 30 s" : `median; p99 ${seconds(p99)}`)],
  ["Memory", ({ memory }) => bytes(memory), () => "resident"],
  ["Processor", ({ cpu }) => percent(cpu), () => "of one core"],
  ["Threads", ({ threads }) => count(threads), ({ open }) => `${count(open)} for connections`],
  ["Descriptors", ({ descriptors }) => count(descriptors), ({ mostDescriptors }) => `of ${count(mostDescriptors)}`],
  ["Waiting", ({ queue }) => count(queue), () => "inputs for the hub"],
  ["Up for", (_, status) => (status ? duration(status.uptime_seconds * 1000) : "–"), (_, status) => (status ? `since ${fullTime(status.started_at)}` : "")],
];

export class Overview {
  title = "Overview";
  #app;
  #tiles = TILES.map(([name]) => h("div", { class: "tile" }, h("dt", {}, name), h("dd", { class: "value" }), h("dd", { class: "note" })));
  #hindrances = h("section", { class: "hindrances", "aria-label": "What is in the way", hidden: true });
  #charts = CHARTS.map((chart) => new Chart({ ...chart, point: (at) => this.#look(at) }));
  #graphs = h("div", { class: "charts" }, this.#charts.map(({ element }) => element));
  #table = h("div", { class: "table numbers", hidden: true, tabindex: "0", role: "region", "aria-label": "Values by the minute" });
  #asTable = h("button", { type: "button", class: "button small", "aria-pressed": "false", on: { click: () => this.#toggle() } }, "As a table");
  #loading = stateLine("Asking the server…");
  #rest;
  #stop = null;
  element;

  constructor(app) {
    this.#app = app;
    this.#rest = h("div", { hidden: true },
      this.#hindrances,
      h("dl", { class: "tiles" }, this.#tiles),
      h("div", { class: "section-head" }, h("h2", {}, "The last 15 minutes"), this.#asTable),
      this.#graphs, this.#table);
    this.element = h("div", { class: "view" }, this.#loading, this.#rest);
  }

  start() {
    this.#stop = this.#app.live.on("change", () => this.#paint());
    this.#paint();
  }

  stop() {
    this.#stop();
  }

  #look(at) {
    for (const chart of this.#charts) chart.look(at);
  }

  #toggle() {
    const isTable = this.#table.hidden;
    this.#table.hidden = !isTable;
    this.#graphs.hidden = isTable;
    this.#asTable.setAttribute("aria-pressed", String(isTable));
    this.#paint();
  }

  #paint() {
    const { samples, status, ready, trouble } = this.#app.live;
    const { last } = samples;
    this.#loading.hidden = last !== null;
    this.#rest.hidden = last === null;
    if (last === null) {
      this.#loading.textContent = trouble ? `${trouble} Trying again…` : "Asking the server…";
      return;
    }
    TILES.forEach(([, value, note], index) => {
      const [, valueCell, noteCell] = this.#tiles[index].children;
      valueCell.textContent = value(last, status);
      noteCell.textContent = note(last, status);
    });
    if (ready) this.#paintHindrances(Object.entries(ready.reasons));
    // The axis moves on while the server does not answer.
    const now = trouble ? Date.now() : last.at;
    if (this.#table.hidden) for (const chart of this.#charts) chart.show(samples.list, now);
    else this.#paintTable(samples.list);
  }

  /** Why the server is not ready, if it is not. */
  #paintHindrances(reasons) {
    this.#hindrances.hidden = reasons.length === 0;
    const words = reasons.join("\n");
    if (this.#hindrances.words === words) return;
    this.#hindrances.words = words;
    this.#hindrances.replaceChildren(h("h2", {}, "Not ready"),
      h("ul", {}, reasons.map(([part, reason]) => h("li", {}, h("b", {}, part), reason))));
  }

  /** One row a minute, the newest first. */
  #paintTable(list) {
    const minutes = new Map();
    for (const sample of list) minutes.set(Math.floor(sample.at / 60_000), sample);
    const columns = CHARTS.flatMap(({ title, note, format, lines }) =>
      lines(list).map((line) => ({ name: [title, line.name || note].join(" "), text: (sample) => format(line.value(sample)) })));
    const rows = [...minutes.values()].reverse();
    this.#table.replaceChildren(h("table", {},
      h("caption", { class: "unseen" }, "Values by the minute"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Time"), columns.map(({ name }) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, rows.map((sample) => h("tr", {},
        h("th", { scope: "row" }, toMinute(sample.at)), columns.map(({ text }) => h("td", {}, text(sample))))))));
  }
}

