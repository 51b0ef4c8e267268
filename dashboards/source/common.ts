// The pieces that all dashboards are made of.

import * as common from '@grafana/grafana-foundation-sdk/common';
import * as sdk from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import * as statetimeline from '@grafana/grafana-foundation-sdk/statetimeline';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import { firing, scope, severityOrder, verdictOrder } from './promql.js';

/** Where docs/runbooks is to be found. The same address as in alerts/*.yaml, and replaced together with it. */
const runbooks = 'https://runbooks.example.net/wgscope';

export const datasource = { type: 'prometheus', uid: '${datasource}' };

/** Every dashboard by its uid, in the order of the links on top of each. */
export const uids = {
  fleet: 'wgscope-fleet',
  gateway: 'wgscope-gateway',
  peer: 'wgscope-peer',
  path: 'wgscope-path',
  exporter: 'wgscope-exporter',
} as const;

const titles: Record<keyof typeof uids, string> = {
  fleet: 'WireGuard / Fleet',
  gateway: 'WireGuard / Gateway',
  peer: 'WireGuard / Peer',
  path: 'WireGuard / Path and probe',
  exporter: 'WireGuard / Exporter',
};

// --- queries ---

/** Over time. */
export const over = (expr: string, legend: string) =>
  new DataqueryBuilder().datasource(datasource).expr(expr).legendFormat(legend).range();
/** Now. */
export const now = (expr: string, legend = '') =>
  new DataqueryBuilder().datasource(datasource).expr(expr).legendFormat(legend).instant();
/** Now, as a table: a column for each label. */
export const rowsOf = (expr: string) => now(expr).format(PromQueryFormat.Table);

// --- links ---

const field = (name: string) => `\${__data.fields.${name}:percentencode}`;
const kept = '${datasource:queryparam}&${job:queryparam}&${__url_time_range}';

const dataLink = (title: string, url: string) => ({ title, url });
export const toGateway = () =>
  dataLink('Open the gateway', `/d/${uids.gateway}?${kept}&var-instance=${field('instance')}`);
/** From a column that has the instance as its values. */
export const toThisGateway = () =>
  dataLink('Open the gateway', `/d/${uids.gateway}?${kept}&var-instance=\${__value.raw:percentencode}`);
export const toPeer = () =>
  dataLink('Open the peer',
    `/d/${uids.peer}?${kept}&var-instance=${field('instance')}&var-interface=${field('interface')}` +
    `&var-peer=${field('public_key')}`);
export const toRunbook = () => dataLink('Open the runbook', `${runbooks}/${field('alertname')}.md`);
/** Links of a panel to the runbooks of the alerts that watch what it shows. */
export const runbooksOf = (...alerts: string[]) =>
  alerts.map((alert) =>
    new sdk.DashboardLinkBuilder(`Runbook: ${alert}`).type(sdk.DashboardLinkType.Link).url(`${runbooks}/${alert}.md`)
      .targetBlank(true));

// --- what verdicts and severities look like: words first, colors second ---

const verdicts: Record<(typeof verdictOrder)[number], [text: string, color: string]> = {
  replies_lost: ['replies lost', 'red'],
  unanswered: ['unanswered', 'orange'],
  flapping: ['flapping', 'yellow'],
  one_way: ['one-way', 'purple'],
  stale: ['stale', 'dark-orange'],
  live: ['live', 'green'],
  idle: ['idle', 'blue'],
  never: ['never', '#808080'],
};

const fixedColor = (color: string) => ({ id: 'color', value: { mode: 'fixed', fixedColor: color } });

interface Overridable<Self> {
  overrideByName(name: string, properties: sdk.DynamicConfigValue[]): Self;
}
/** Names and colors the series, or columns, of verdicts. */
export function withVerdicts<Panel extends Overridable<Panel>>(panel: Panel): Panel {
  for (const [name, [text, color]] of Object.entries(verdicts))
    panel.overrideByName(name, [{ id: 'displayName', value: text }, fixedColor(color)]);
  return panel;
}

/** A column for each verdict. */
export const verdictColumns = (): Record<string, Column> =>
  Object.fromEntries(verdictOrder.map((name) => [name, { title: verdicts[name][0], unit: 'locale' }]));

/** Draws constant lines dashed, in grey, and leaves them to the legend. */
export function withMarks(panel: timeseries.PanelBuilder, refId: string): timeseries.PanelBuilder {
  return panel.overrideByQuery(refId, [
    fixedColor('#808080'),
    { id: 'custom.lineStyle', value: { fill: 'dash', dash: [6, 6] } },
    { id: 'custom.fillOpacity', value: 0 },
    { id: 'custom.lineWidth', value: 1 },
  ]);
}

/** Words for values of a state. */
export const words = (texts: Record<string, [text: string, color: string]>): sdk.ValueMapping[] => [{
  type: sdk.MappingType.ValueToText,
  options: Object.fromEntries(
    Object.entries(texts).map(([value, [text, color]], index) => [value, { text, color, index }])),
}];
/** For values that are not a number because nobody knows them. */
export const unknownWord = (): sdk.ValueMapping => ({
  type: sdk.MappingType.SpecialValue,
  options: { match: sdk.SpecialValueMatch.NotANumber, result: { text: 'unknown' } },
});
/** For a time since something that never happened. */
export const neverWord = (): sdk.ValueMapping => ({
  type: sdk.MappingType.SpecialValue,
  options: { match: sdk.SpecialValueMatch.NotANumber, result: { text: 'never' } },
});
/** Of the label that withOrder() adds. */
export const verdictColumn = (): Column => ({
  title: 'Verdict',
  words: words(Object.fromEntries(verdictOrder.map((name, index) => [index + 1, verdicts[name]]))),
});

const severityColors = { critical: 'red', warning: 'orange', info: 'blue' };
/** Of the values that bySeverity() gives. */
export const severityColumn = (): Column => ({
  title: 'Severity',
  width: 90,
  words: words(Object.fromEntries(severityOrder.map((name, index) =>
    [severityOrder.length - index, [name, severityColors[name]]]))),
  properties: [{ id: 'custom.align', value: 'left' }],
});

/** What a value is drawn as from each limit on: `base` below the first. */
export const limits = (base: string, steps: [value: number, color: string][] = []) =>
  new sdk.ThresholdsConfigBuilder().mode(sdk.ThresholdsMode.Absolute)
    .steps([{ value: null, color: base }, ...steps.map(([value, color]) => ({ value, color }))]);

// --- panels ---

type Queries = DataqueryBuilder[];
interface Panel {
  id(id: number): Panel;
  build(): sdk.Panel;
}

function withQueries<Builder extends {
  datasource(ref: common.DataSourceRef): Builder;
  withTarget(target: DataqueryBuilder): Builder;
  title(title: string): Builder;
  description(text: string): Builder;
}>(panel: Builder, title: string, description: string, queries: Queries): Builder {
  panel.datasource(datasource).title(title).description(description);
  queries.forEach((query, index) => panel.withTarget(query.refId(String.fromCharCode(65 + index))));
  return panel;
}

export const number = (title: string, description: string, ...queries: Queries) =>
  withQueries(new stat.PanelBuilder(), title, description, queries)
    .unit('locale').height(4).span(6)  // every digit of a count
    .textMode(common.BigValueTextMode.ValueAndName).colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.None).wideLayout(false).thresholds(limits('text'))
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']));

export const graph = (title: string, description: string, ...queries: Queries) =>
  withQueries(new timeseries.PanelBuilder(), title, description, queries)
    .height(8).span(12).axisSoftMin(0).lineWidth(1).fillOpacity(10).showPoints(common.VisibilityMode.Never)
    .thresholds(limits('text'))
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi)
      .sort(common.SortOrder.Descending))
    .legend(new common.VizLegendOptionsBuilder().showLegend(true).displayMode(common.LegendDisplayMode.List)
      .placement(common.LegendPlacement.Bottom).calcs(['lastNotNull']));

/** For many lines with long names. */
export const legendBeside = (panel: timeseries.PanelBuilder) =>
  panel.span(24).fillOpacity(0)
    .legend(new common.VizLegendOptionsBuilder().showLegend(true).displayMode(common.LegendDisplayMode.Table)
      .placement(common.LegendPlacement.Right).calcs(['lastNotNull']));

export const stacked = (panel: timeseries.PanelBuilder) =>
  panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal)).fillOpacity(60).lineWidth(0);

/** A row for each series, whose name stands on the left; a bar while it exists. */
export const periods = (title: string, description: string, ...queries: Queries) =>
  withQueries(new statetimeline.PanelBuilder(), title, description, queries)
    .unit('none').height(8).span(12).showValue(common.VisibilityMode.Never).fillOpacity(80)
    .thresholds(limits('blue')).colorScheme(new sdk.FieldColorBuilder().mode(sdk.FieldColorModeId.Fixed).fixedColor('blue'))
    .legend(new common.VizLegendOptionsBuilder().showLegend(false));

interface Column {
  title: string;
  unit?: string;
  width?: number;
  words?: sdk.ValueMapping[];
  /** The words in the color of any other text. */
  plain?: boolean;
  links?: { title: string; url: string }[];
  properties?: sdk.DynamicConfigValue[];
}

interface TableOptions {
  /** By the name of a label, or `Value`, in the order in which they are shown. */
  columns: Record<string, Column>;
  /** Labels that links need and nobody wants to read. */
  hidden?: string[];
  sort?: [column: string, order: 'ascending' | 'descending'][];
  /** What the rows are made into before columns are chosen. */
  before?: sdk.DataTransformerConfig[];
  /** Shown in place of an empty table. */
  empty?: string;
}

// Without a unit of its own a label that is a number, such as a port, would be rounded as the value is. A cell without a value
// would have the text that is meant for an empty table.
const columnProperties = (name: string, column: Column): sdk.DynamicConfigValue[] => [
  { id: 'displayName', value: column.title },
  { id: 'noValue', value: '–' },
  ...(column.unit ? [{ id: 'unit', value: column.unit }] : name.startsWith('Value') ? [] : [{ id: 'unit', value: 'string' }]),
  ...(column.width ? [{ id: 'custom.width', value: column.width }] : []),
  ...(column.words ? [{ id: 'mappings', value: column.words }] : []),
  ...(column.words && !column.plain ? [{ id: 'custom.cellOptions', value: { type: 'color-text' } }] : []),
  ...(column.links ? [{ id: 'links', value: column.links }] : []),
  ...(column.properties ?? []),
];

export function list(title: string, description: string, options: TableOptions, ...queries: Queries) {
  const { columns, hidden = [], sort = [], before = [], empty = 'none' } = options;
  const names = [...Object.keys(columns), ...hidden];
  const panel = withQueries(new table.PanelBuilder(), title, description, queries)
    .unit('short').height(8).span(24).noValue(empty).thresholds(limits('text'));
  const steps: sdk.DataTransformerConfig[] = [
    ...(queries.length > 1 ? [{ id: 'merge', options: {} }] : []),
    ...before,
    { id: 'filterFieldsByName', options: { include: { names } } },
    { id: 'organize', options: { indexByName: Object.fromEntries(names.map((name, index) => [name, index])) } },
  ];
  for (const step of steps) panel.withTransformation(step);
  for (const [name, column] of Object.entries(columns)) panel.overrideByName(name, columnProperties(name, column));
  for (const name of hidden) panel.overrideByName(name, [{ id: 'custom.hidden', value: true }]);
  panel.sortBy(sort.map(([column, order]) =>
    new common.TableSortByFieldStateBuilder().displayName(column).desc(order === 'descending')));
  return panel;
}

// --- variables ---

interface Choice {
  /** Several values at once. */
  multi?: boolean;
  /** All values at once, which is then what is shown first. Without it that is the first value. */
  all?: boolean;
  /** Every value for all, not those that are offered: for labels of which there are many. */
  anyValue?: boolean;
  regex?: string;
}

export function variable(name: string, label: string, query: string, choice: Choice = {}) {
  const { multi = true, all = true, anyValue = true, regex } = choice;
  const built = new sdk.QueryVariableBuilder(name).label(label).datasource(datasource).query(query).definition(query)
    .refresh(sdk.VariableRefresh.OnTimeRangeChanged).sort(sdk.VariableSort.NaturalAsc).multi(multi).includeAll(all);
  if (regex) built.regex(regex);
  if (multi && anyValue) built.allValue('.+');
  if (all) built.current({ selected: true, text: ['All'], value: ['$__all'] });
  return built;
}

// All jobs are those of exporters: up, process_* and others are there for any job.
export const jobAndInstance = (metric: string, all: boolean) => [
  variable('job', 'Job', `label_values(${metric}, job)`, { anyValue: false }),
  variable('instance', 'Instance', `label_values(${metric}{job=~"$job"}, instance)`, { all }),
];
export const interfaceVariable = () =>
  variable('interface', 'Interface', `label_values(wireguard_interface_peers{${scope}}, interface)`);

// --- dashboards ---

interface Row {
  title: string;
  panels: Panel[];
}

interface Options {
  description: string;
  variables: sdk.QueryVariableBuilder[];
  rows: Row[];
  /** Which alerts are marked in graphs. */
  alerts?: string;
}

const datasourceVariable = () => new sdk.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus');

/** One mark for each kind of alert, however many peers it fires for. */
const alertMarks = (matchers: string) =>
  new sdk.AnnotationQueryBuilder().name('Alerts').datasource(datasource).enable(true).iconColor('orange')
    .expr(`count by (alertname, severity) (ALERTS{${matchers}})`)
    .titleFormat('{{alertname}} ({{severity}})').textFormat('{{alertname}} fires').tagKeys('severity').step('60s');

const dashboardLinks = () =>
  Object.entries(uids).map(([key, uid]) =>
    new sdk.DashboardLinkBuilder(titles[key as keyof typeof uids].replace('WireGuard / ', ''))
      .type(sdk.DashboardLinkType.Link).url(`/d/${uid}`).includeVars(true).keepTime(true));

/** The SDK moves links and annotations into a menu, where nobody finds them; what it sets there cannot be unset by it. */
const withoutPlacement = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value, (key, inner: unknown) =>
    (key === 'placement' && inner === 'inControlsMenu' ? undefined : inner)));

export function dashboard(key: keyof typeof uids, { description, variables, rows, alerts = firing }: Options): sdk.Dashboard {
  const built = new sdk.DashboardBuilder(titles[key]).id(null).uid(uids[key]).description(description)
    .tags(['wireguard', 'wgscope']).readonly().timezone('browser').time({ from: 'now-3h', to: 'now' }).refresh('30s')
    .tooltip(sdk.DashboardCursorSync.Crosshair)
    .variables([datasourceVariable(), ...variables]).annotation(alertMarks(alerts)).links(dashboardLinks());
  let id = 0;  // Grafana loses panels whose ids are missing, 0 or not unique
  for (const { title, panels } of rows) {
    built.withRow(new sdk.RowBuilder(title).id(++id));
    for (const panel of panels) built.withPanel(panel.id(++id));
  }
  return withoutPlacement(built.build());
}
