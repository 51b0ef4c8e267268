// Grafana's own table, as of Grafana 12.
import type { FieldConfigSource } from '@grafana/data';
import { TableNG } from '@grafana/ui/unstable';
import type { Drawing } from './drawing';

/** Until Grafana 12.1 a column was hidden by `custom.hidden`. */
const migrate = ({ defaults, overrides }: FieldConfigSource): FieldConfigSource => ({
  defaults,
  overrides: overrides.map(({ matcher, properties }) => ({
    matcher,
    properties: properties.map(({ id, value }) =>
      (id === 'custom.hidden' ? { id: 'custom.hideFrom', value: { viz: value } } : { id, value })),
  })),
});

export const table: Drawing = {
  defaults: { color: { mode: 'thresholds' }, custom: { align: 'auto', minWidth: 50, cellOptions: { type: 'auto' } } },
  migrate,
  draw: ({ panel: { options }, frames, fieldConfig, range, width, height }) => (
    <TableNG
      data={frames[0]} width={width} height={height} noHeader={options.showHeader === false} sortBy={options.sortBy}
      cellHeight={options.cellHeight} timeRange={range} fieldConfig={fieldConfig} noValue={fieldConfig.defaults.noValue}
      enablePagination={options.enablePagination} frozenColumns={options.frozenColumns?.left} structureRev={1}
    />
  ),
};
