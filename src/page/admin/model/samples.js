// The values of the last fifteen minutes, for the graphs. Counters become rates over a few seconds,
// the histogram becomes quantiles.

import { KEPT } from "../../../client/lib/place.js";
import { quantile } from "./openmetrics.js";

export const SPAN = 15 * 60_000;
const RATE_SPAN = 10_000;
const QUANTILE_SPAN = 30_000;
const KEY = `${KEPT}admin-samples`;

export class Samples {
  #list = [];
  /** The counters of the last seconds. */
  #recent = [];

  constructor() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
      this.#list = kept.filter(({ at }) => at > Date.now() - SPAN && at <= Date.now());
    } catch {
      // Then the graphs begin now.
    }
  }

  get list() {
    return this.#list;
  }

  get last() {
    return this.#list.at(-1) ?? null;
  }

  /** A reload of the page does not empty the graphs. */
  keep() {
    sessionStorage.setItem(KEY, JSON.stringify(this.#list));
  }

  forget() {
    this.#list = [];
    this.#recent = [];
    sessionStorage.removeItem(KEY);
  }

  add(metrics, at) {
    const now = {
      at,
      messages: metrics.value("chat_messages_total"),
      deliveries: metrics.value("chat_deliveries_total"),
      sent: metrics.value("chat_sent_bytes_total"),
      cpu: metrics.value("process_cpu_seconds_total"),
      buckets: metrics.buckets("chat_message_seconds"),
    };
    const before = this.#recent.at(-1);
    // A restarted server counts from zero.
    if (before && (before.messages > now.messages || before.cpu > now.cpu || before.deliveries > now.deliveries)) this.#recent = [];
    this.#recent = [...this.#recent.filter((one) => one.at >= at - QUANTILE_SPAN - 5_000), now];
    const since = (span) => this.#recent.find((one) => one.at >= at - span - 500);
    const base = since(RATE_SPAN);
    const rate = (name) => (base === now || now[name] === null ? null : Math.max(0, (now[name] - base[name]) / ((at - base.at) / 1000)));
    const early = since(QUANTILE_SPAN).buckets;
    const connections = Object.fromEntries(Object.entries(metrics.by("chat_connections", "protocol")).sort(([one], [other]) => one < other ? -1 : 1));
    this.#list = this.#list.filter((one) => one.at > at - SPAN - 4_000);
    this.#list.push({
      at,
      connections,
      open: Object.values(connections).reduce((sum, count) => sum + count, 0),
      users: metrics.value("chat_users"),
      channels: metrics.value("chat_channels"),
      messages: rate("messages"),
      deliveries: rate("deliveries"),
      sent: rate("sent"),
      cpu: rate("cpu"),
      p50: quantile(0.5, early, now.buckets),
      p99: quantile(0.99, early, now.buckets),
      queue: metrics.value("chat_hub_queue_length"),
      memory: metrics.value("process_resident_memory_bytes"),
      threads: metrics.value("process_threads"),
      descriptors: metrics.value("process_open_fds"),
      mostDescriptors: metrics.value("process_max_fds"),
    });
  }
}
