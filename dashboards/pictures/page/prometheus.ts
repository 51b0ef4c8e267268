// Queries and their answers, made into the frames that Grafana's data source for Prometheus makes of them. That data source is
// in Grafana's core, which npm does not have.
import { type DataFrame, type Field, FieldType, type Labels, rangeUtil, type TimeRange } from '@grafana/data';
import type { Annotation, Panel, Target } from './dashboard';
import type { Interpolate } from './variables';

/** What a data source is told as its scrape interval; Grafana's default. */
const scrapeInterval = 15_000;

interface Series {
  metric: Labels;
  value?: [number, string];
  values?: [number, string][];
}

export async function get<T>(path: string, parameters: Record<string, string>): Promise<T> {
  const answer = await fetch(`prometheus/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const body = await answer.json();
  if (body.status !== 'success') throw new Error(`${body.error}: ${JSON.stringify(parameters)}`);
  return body.data;
}

function stepOf(range: TimeRange, points: number, least?: string): number {
  const { intervalMs } = rangeUtil.calculateInterval(range, points, least || '15s');
  return intervalMs;
}

/** Durations that Grafana computes from the range and the width of the panel. */
const intervals = (range: TimeRange, step: number): Record<string, string> => {
  const seconds = Math.round((range.to.valueOf() - range.from.valueOf()) / 1000);
  return {
    __interval: `${step / 1000}s`,
    __rate_interval: `${Math.max(step + scrapeInterval, 4 * scrapeInterval) / 1000}s`,
    __range: `${seconds}s`,
    __range_s: `${seconds}`,
  };
};

async function series(expr: string, range: TimeRange, step: number, instant: boolean): Promise<Series[]> {
  const at = (time: number) => `${Math.floor(time / step) * (step / 1000)}`;
  const answer = instant
    ? await get<{ result: Series[] }>('query', { query: expr, time: `${range.to.valueOf() / 1000}` })
    : await get<{ result: Series[] }>('query_range', {
        query: expr, start: at(range.from.valueOf()), end: at(range.to.valueOf()), step: `${step / 1000}`,
      });
  return answer.result;
}

const samplesOf = ({ value, values }: Series) => values ?? (value ? [value] : []);
const timeField = (values: number[]): Field => ({ name: 'Time', type: FieldType.time, config: {}, values });
const numberOf = (text: string) => (text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text));

function nameOf(metric: Labels, legend: string | undefined): string | undefined {
  if (legend && legend !== '__auto') return fill(legend, metric);
  const { __name__: name = '', ...labels } = metric;
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  return pairs.length > 0 ? `${name}{${pairs.join(', ')}}` : name || undefined;
}

const fill = (template: string, metric: Labels) =>
  template.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label: string) => metric[label] ?? '');

function overTime(found: Series[], target: Target, step: number): DataFrame[] {
  return found.map((one) => {
    const samples = samplesOf(one);
    const config = { displayNameFromDS: nameOf(one.metric, target.legendFormat), interval: step };
    return {
      refId: target.refId,
      fields: [
        { ...timeField(samples.map(([time]) => time * 1000)), config: { interval: step } },
        {
          name: 'Value', type: FieldType.number, config, labels: one.metric,
          values: samples.map(([, value]) => numberOf(value)),
        },
      ],
      length: samples.length,
    };
  });
}

/** One table of all series: a column for each label. Its values are `Value`, or `Value #A` beside other queries. */
function asTable(found: Series[], target: Target, alone: boolean): DataFrame {
  const labels = [...new Set(found.flatMap(({ metric }) => Object.keys(metric)))].sort();
  const rows = found.flatMap((one) => samplesOf(one).map(([time, value]) => ({ metric: one.metric, time, value })));
  const column = (label: string): Field => ({
    name: label, type: FieldType.string, config: { filterable: true }, values: rows.map(({ metric }) => metric[label] ?? ''),
  });
  return {
    refId: target.refId,
    meta: { preferredVisualisationType: 'table' },
    fields: [
      timeField(rows.map(({ time }) => time * 1000)),
      ...labels.map(column),
      {
        name: alone ? 'Value' : `Value #${target.refId}`, type: FieldType.number, config: {},
        values: rows.map(({ value }) => numberOf(value)),
      },
    ],
    length: rows.length,
  };
}

export async function framesOf(panel: Panel, range: TimeRange, width: number, interpolate: Interpolate): Promise<DataFrame[]> {
  const targets = panel.targets ?? [];
  const answers = await Promise.all(targets.map(async (target) => {
    const step = stepOf(range, panel.maxDataPoints ?? Math.round(width), target.interval || panel.interval);
    const found = await series(interpolate(target.expr, intervals(range, step)), range, step, target.instant ?? false);
    if (target.format === 'table') return [asTable(found, target, targets.length === 1)];
    return overTime(found, target, step);
  }));
  return answers.flat();
}

export interface Event {
  from: number;
  to: number;
  title: string;
  color: string;
}

/** Consecutive samples of one series are one event. */
export async function eventsOf(annotation: Annotation, range: TimeRange, interpolate: Interpolate): Promise<Event[]> {
  const step = rangeUtil.intervalToMs(annotation.step || '60s');
  const found = await series(interpolate(annotation.expr!, intervals(range, step)), range, step, false);
  return found.flatMap((one) => {
    const events: Event[] = [];
    for (const [time] of samplesOf(one)) {
      const last = events.at(-1);
      if (last && time * 1000 - last.to <= step) last.to = time * 1000;
      else
        events.push({
          from: time * 1000, to: time * 1000, title: fill(annotation.titleFormat ?? '', one.metric), color: annotation.iconColor,
        });
    }
    return events;
  });
}
