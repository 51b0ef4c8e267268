// What a cluster with Prometheus Operator needs: the rules, whom to scrape, the dashboards. Each is made from the file that
// is used without Kubernetes, so neither can be forgotten.

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PodMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor';
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { parse } from 'yaml';

export interface Manifest {
  file: string;
  /** Path of what it was made from, or nothing. */
  from?: string;
  object: ConfigMap | PodMonitor | PrometheusRule;
}

const labels = { 'app.kubernetes.io/part-of': 'wgscope' };

/** The files of a folder with this extension, as paths relative to `root`, in order. */
const filesIn = (root: string, folder: string, extension: string) =>
  readdirSync(join(root, folder)).filter((name) => name.endsWith(extension)).sort().map((name) => join(folder, name));

const rules = (root: string, from: string): Manifest => {
  const pack = basename(from, '.yaml');
  return {
    file: `rules-${pack}.yaml`,
    from,
    object: new PrometheusRule({
      metadata: { name: `wgscope-${pack}`, labels },
      spec: parse(readFileSync(join(root, from), 'utf8')),
    }),
  };
};

/** Grafana's sidecar looks for the label. A map of its own for each dashboard: one may have 1 MiB. */
const dashboard = (root: string, from: string): Manifest => {
  const name = basename(from, '.json');
  return {
    file: `dashboard-${name}.yaml`,
    from,
    object: new ConfigMap({
      metadata: { name: `${name}-dashboard`, labels: { ...labels, grafana_dashboard: '1' } },
      data: { [basename(from)]: readFileSync(join(root, from), 'utf8') },
    }),
  };
};

/** Of the pods of a DaemonSet in the host's network: a host is an instance, as the rules and dashboards have it. */
const podMonitor: Manifest = {
  file: 'pod-monitor.yaml',
  object: new PodMonitor({
    metadata: { name: 'wgscope-exporter', labels },
    spec: {
      selector: { matchLabels: { 'app.kubernetes.io/name': 'wgscope-exporter' } },
      podMetricsEndpoints: [{
        port: 'metrics',
        interval: '15s',
        relabelings: [
          { targetLabel: 'job', replacement: 'wireguard' },
          { sourceLabels: ['__meta_kubernetes_pod_node_name'], targetLabel: 'instance' },
        ],
      }],
    },
  }),
};

export const manifests = (root: string): Manifest[] => [
  ...filesIn(root, 'alerts', '.yaml').map((file) => rules(root, file)),
  podMonitor,
  ...filesIn(root, 'dashboards', '.json').map((file) => dashboard(root, file)),
];
