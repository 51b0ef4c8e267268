// What a cluster would refuse, as far as that can be told without one.

import { PodMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor';
import { PrometheusRule } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';

/** Of all values of a ConfigMap together (kubernetes.io/docs/concepts/configuration/configmap). */
const mostBytes = 1024 * 1024;

const kinds = [ConfigMap, PodMonitor, PrometheusRule];

interface Named {
  apiVersion?: unknown;
  kind?: unknown;
  metadata?: { name?: unknown };
}

/** Throws with the reason. */
export function check(object: Named): void {
  const kind = kinds.find((known) => known.apiVersion === object.apiVersion && known.kind === object.kind);
  if (kind === undefined) throw new Error(`there is no schema here for ${object.apiVersion} ${object.kind}`);
  if (typeof object.metadata?.name !== 'string' || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(object.metadata.name))
    throw new Error('metadata.name must be lower-case letters, digits and hyphens');
  const typed = new kind(object as never);
  typed.validate();
  if (typed instanceof ConfigMap) {
    const bytes = Object.values(typed.data ?? {}).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (bytes > mostBytes) throw new Error(`its data are ${bytes} bytes, and a ConfigMap may have ${mostBytes}`);
  }
}
