// What queries of several dashboards have in common.

/** Peers are joined as docs/metrics.md says. Where nobody set up names, all of this holds as well. */
export const samePeer = 'on (job, instance, netns, interface, public_key)';

/** Matchers of the variables that every dashboard has; Grafana's linter expects these words. */
export const scope = 'job=~"$job", instance=~"$instance"';
export const interfaces = `${scope}, interface=~"$interface"`;

/**
 * Of any job: alerts on probes have that of node_exporter. Alerts of one exporter have its instance; alerts about absent
 * exporters have none, and belong to every selection.
 */
export const firing = 'alertname=~"WireGuard.*", alertstate="firing", instance=~"$instance|"';

/** Adds the label `peer`: the label name, or the public key of a peer without one. */
export const withPeer = (expr: string) =>
  `label_replace(label_replace(${expr}, "peer", "$1", "public_key", "(.+)"), "peer", "$1", "name", "(.+)")`;

/** Likewise for series that lack the label name. Every peer has its info, with a name or without. */
export const named = (expr: string) => withPeer(`(${expr}) * ${samePeer} group_left (name) wireguard_peer_info{${interfaces}}`);

/** Faults first; the order in which verdicts are shown, everywhere. */
export const verdictOrder = ['replies_lost', 'unanswered', 'flapping', 'one_way', 'stale', 'live', 'idle', 'never'] as const;
export const faults = verdictOrder.slice(0, 5).join('|');
/** The worst first. */
export const severityOrder = ['critical', 'warning', 'info'] as const;

/** Sums by a label that are not 0, in this order, which Prometheus keeps: that of its aggregates is another one each time. */
export const inOrder = (label: string, order: readonly string[], metric: string, matchers: string) =>
  order.map((value) => `sum by (${label}) (${metric}{${matchers}, ${label}="${value}"}) > 0`).join(' or ');

/** Series of the value 1 with a higher value, the worse their severity: words would be sorted by alphabet. */
export const bySeverity = (metric: string, matchers: string) =>
  severityOrder.map((severity, index) =>
    `${metric}{${matchers}, severity="${severity}"} * ${severityOrder.length - index}`).join(' or ');

/** Adds the label `order`, by which verdicts are sorted with faults first. */
export const withOrder = (expr: string) =>
  verdictOrder.reduce((inner, verdict, index) => `label_replace(${inner}, "order", "${index + 1}", "verdict", "${verdict}")`, expr);

/** Bytes per second of interfaces, in both directions. */
export const throughput = (matchers: string) => oneOf('direction', {
  received: `sum(wireguard:interface_receive_bytes:rate{${matchers}})`,
  sent: `sum(wireguard:interface_transmit_bytes:rate{${matchers}})`,
});

/** Constant lines of one query, each named by its label `mark`. */
export const marks = (lines: [value: number, name: string][]) =>
  lines.map(([value, name]) => `label_replace(vector(${value}), "mark", "${name}", "", "")`).join(' or ');

/** Of series, those that have a value for a label. A matcher would have Prometheus collect all values of all peers first. */
export const having = (label: string, expr: string) =>
  `label_replace(${expr}, "known", "yes", "${label}", ".+") and on (known) label_replace(vector(1), "known", "yes", "", "")`;

/** Several aggregates as one query, told apart by the label `label`. */
export const oneOf = (label: string, exprs: Record<string, string>) =>
  Object.entries(exprs)
    .map(([value, expr]) => `label_replace(${expr}, "${label}", "${value}", "", "")`)
    .join(' or ');
