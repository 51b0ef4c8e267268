import type { DataFrame, FieldConfigSource, GrafanaTheme2, InterpolateFunction, TimeRange } from '@grafana/data';
import type { ReactNode } from 'react';
import type { Panel } from './dashboard';
import type { Event } from './prometheus';

/** What a panel is drawn from: its frames are transformed, and have their field options applied. */
export interface Input {
  panel: Panel;
  frames: DataFrame[];
  fieldConfig: FieldConfigSource;
  range: TimeRange;
  events: Event[];
  theme: GrafanaTheme2;
  replace: InterpolateFunction;
  width: number;
  height: number;
}

/** A type of panel. */
export interface Drawing {
  /** Field options that Grafana's panel has unless a dashboard says otherwise. */
  defaults: FieldConfigSource['defaults'];
  /** What Grafana makes of field options that were named otherwise in earlier releases. */
  migrate?: (fieldConfig: FieldConfigSource) => FieldConfigSource;
  draw: (input: Input) => ReactNode;
}
