// A dashboard as its JSON has it, as far as it is drawn.
import type { AnnotationQuery, DataTransformerConfig, FieldConfigSource } from '@grafana/data';

export interface Target {
  refId: string;
  expr: string;
  legendFormat?: string;
  format?: 'time_series' | 'table';
  instant?: boolean;
  interval?: string;
}

export interface Panel {
  id: number;
  type: string;
  title?: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: Target[];
  interval?: string;
  maxDataPoints?: number;
  transformations?: DataTransformerConfig[];
  fieldConfig: FieldConfigSource;
  // Each type of panel has options of its own, of which each drawing knows.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  options: any;
  links?: { title: string }[];
  collapsed?: boolean;
  panels?: Panel[];
}

export interface Variable {
  name: string;
  label?: string;
  type: string;
  query?: string | { query: string };
  regex?: string;
  multi?: boolean;
  includeAll?: boolean;
  allValue?: string;
  current?: { value?: string | string[] };
  hide?: number;
}

export type Annotation = AnnotationQuery & { expr?: string; titleFormat?: string; step?: string };

export interface Dashboard {
  title: string;
  panels: Panel[];
  links?: { title: string }[];
  templating: { list: Variable[] };
  annotations: { list: Annotation[] };
}

/** A collapsed row keeps its panels in itself; in pictures every row is open. */
export const withOpenRows = (panels: Panel[]): Panel[] =>
  panels.flatMap((panel) => (panel.type === 'row' ? [panel, ...(panel.panels ?? [])] : [panel]));
