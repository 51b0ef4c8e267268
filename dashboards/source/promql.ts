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

/** Likewise for series that lack the label name. Where wireguard_peer_info is missing, peers are kept. */
export const named = (expr: string) =>
  withPeer(`(${expr}) * ${samePeer} group_left (name) wireguard_peer_info{${interfaces}} or ${samePeer} (${expr})`);

/** Constant lines of one query, each named by its label `mark`. */
export const marks = (lines: [value: number, name: string][]) =>
  lines.map(([value, name]) => `label_replace(vector(${value}), "mark", "${name}", "", "")`).join(' or ');

/** Several aggregates as one query, told apart by the label `label`. */
export const oneOf = (label: string, exprs: Record<string, string>) =>
  Object.entries(exprs)
    .map(([value, expr]) => `label_replace(${expr}, "${label}", "${value}", "", "")`)
    .join(' or ');
