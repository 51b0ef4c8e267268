// The values of a dashboard's variables, and what queries and texts become with them.
import { type InterpolateFunction, type Labels, stringToJsRegex, type TimeRange } from '@grafana/data';
import type { Variable } from './dashboard';
import { get } from './prometheus';

export type Interpolate = (text: string, more?: Record<string, string>) => string;

export interface Chosen {
  name: string;
  label: string;
  shown: string;
  inQueries: string;
  hidden: boolean;
}

const escaped = (value: string) => value.replace(/\\/g, '\\\\\\\\').replace(/[$^*{}[\]'+?.()|]/g, '\\\\$&');
const asRegex = (values: string[]) => (values.length === 1 ? escaped(values[0]) : `(${values.map(escaped).join('|')})`);

type Option = [text: string, value: string];

/** As Grafana's core has it: the first groups `text` and `value` of all matches; without those, every match's first group. */
function optionsIn(value: string, regex: RegExp): Option[] {
  const matches = [...value.matchAll(new RegExp(regex.source, regex.flags.includes('g') ? regex.flags : `${regex.flags}g`))];
  const first = (group: string) => matches.find(({ groups }) => groups?.[group])?.groups?.[group];
  const [text, chosen] = [first('text') ?? first('value'), first('value') ?? first('text')];
  if (text !== undefined && chosen !== undefined) return [[text, chosen]];
  return matches.map((match) => [match[1] ?? match[0], match[1] ?? match[0]]);
}

async function optionsOf(variable: Variable, range: TimeRange, interpolate: Interpolate): Promise<Option[]> {
  const query = interpolate(typeof variable.query === 'string' ? variable.query : (variable.query?.query ?? ''));
  const values = await valuesOf(query, range);
  const regex = variable.regex ? stringToJsRegex(interpolate(variable.regex)) : undefined;
  const options = values.flatMap((value): Option[] => (regex ? optionsIn(value, regex) : [[value, value]]));
  const once = new Map(options.map((option) => [option[1], option]));
  return [...once.values()].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
}

async function valuesOf(query: string, range: TimeRange): Promise<string[]> {
  const when = { start: `${range.from.valueOf() / 1000}`, end: `${range.to.valueOf() / 1000}` };
  const labels = /^label_values\((?:(.+),\s*)?([a-zA-Z_]\w*)\)$/s.exec(query);
  if (labels) return get<string[]>(`label/${labels[2]}/values`, { ...when, ...(labels[1] ? { 'match[]': labels[1] } : {}) });
  const result = /^query_result\((.+)\)$/s.exec(query);
  if (!result) throw new Error(`variable query not understood: ${query}`);
  const answer = await get<{ result: { metric: Labels; value: [number, string] }[] }>('query', {
    query: result[1], time: when.end,
  });
  return answer.result.map(({ metric: { __name__: name = '', ...labels }, value }) =>
    `${name}{${Object.entries(labels).map(([key, text]) => `${key}="${text}"`).join(',')}} ${value[1]} ${value[0] * 1000}`);
}

/** `wanted` is the text of the option to choose; without it the dashboard's own choice is taken. */
async function pick(variable: Variable, wanted: string | undefined, range: TimeRange, interpolate: Interpolate) {
  if (variable.type === 'datasource') return { shown: 'Prometheus', inQueries: 'prometheus' };
  if (variable.type !== 'query') throw new Error(`variable ${variable.name}: nothing draws its type ${variable.type}`);
  const options = await optionsOf(variable, range, interpolate);
  if (wanted === undefined && [variable.current?.value ?? []].flat().includes('$__all'))
    return { shown: 'All', inQueries: variable.allValue ?? asRegex(options.map(([, value]) => value)) };
  const option = wanted === undefined ? options[0] : options.find(([text]) => text === wanted);
  if (!option) {
    const texts = options.map(([text]) => text).join(', ');
    throw new Error(`variable ${variable.name} has no option ${wanted ?? ''}. It has: ${texts}`);
  }
  return { shown: option[0], inQueries: variable.multi || variable.includeAll ? asRegex([option[1]]) : option[1] };
}

/** Values for all variables, in their order: the options of one may depend on those before. */
export async function choose(variables: Variable[], wanted: Record<string, string>, range: TimeRange): Promise<Chosen[]> {
  const chosen: Chosen[] = [];
  for (const variable of variables) {
    const { name, label = name, hide } = variable;
    chosen.push({ name, label, hidden: hide === 2, ...(await pick(variable, wanted[name], range, interpolator(chosen))) });
  }
  return chosen;
}

function replacer(values: Record<string, string>): Interpolate {
  return (text, more = {}) =>
    text.replace(/\$(\w+)|\$\{(\w+)(?::\w+)?\}/g, (whole, plain?: string, braced?: string) => {
      const name = (plain ?? braced)!;
      return more[name] ?? values[name] ?? whole;
    });
}

export const interpolator = (chosen: Chosen[]) =>
  replacer(Object.fromEntries(chosen.map(({ name, inQueries }) => [name, inQueries])));

/** For titles and descriptions: what the reader sees in the variable's box. */
export function shownIn(chosen: Chosen[]): InterpolateFunction {
  const replace = replacer(Object.fromEntries(chosen.map(({ name, shown }) => [name, shown])));
  return (text) => replace(text);
}
