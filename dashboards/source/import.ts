// Grafana asks for the data source when a dashboard with __inputs is imported by hand. File provisioning never fills them in,
// so they are not in the copy for that.

import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard';

const input = 'DS_PROMETHEUS';

/** The oldest Grafana whose panels are what these dashboards expect. Not tried: see docs/dashboards.md. */
const grafana = '11.0.0';

const panelNames: Record<string, string> = {
  'stat': 'Stat', 'state-timeline': 'State timeline', 'table': 'Table', 'timeseries': 'Time series',
};

const isPanel = (panel: Panel | RowPanel): panel is Panel => panel.type !== 'row';

export function forImport(dashboard: Dashboard) {
  const types = [...new Set((dashboard.panels ?? []).filter(isPanel).map((panel) => panel.type))].sort();
  return {
    __inputs: [{
      name: input, label: 'Prometheus', description: 'Has the metrics of wgscope-exporter', type: 'datasource',
      pluginId: 'prometheus', pluginName: 'Prometheus',
    }],
    __elements: {},
    __requires: [
      { type: 'grafana', id: 'grafana', name: 'Grafana', version: grafana },
      { type: 'datasource', id: 'prometheus', name: 'Prometheus', version: '1.0.0' },
      ...types.map((id) => ({ type: 'panel', id, name: panelNames[id], version: '' })),
    ],
    ...dashboard,
    editable: true,  // whoever imports by hand may want to change things; what is provisioned is overwritten
    templating: {
      list: (dashboard.templating.list ?? []).map((variable) =>
        variable.name === 'datasource'
          ? { ...variable, current: { selected: true, text: `\${${input}}`, value: `\${${input}}` } } : variable),
    },
  };
}
