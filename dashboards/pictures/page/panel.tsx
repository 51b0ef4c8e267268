// One panel: queried, transformed, its field options applied, and drawn in Grafana's own frame.
import {
  applyFieldOverrides, cacheFieldDisplayNames, type DataFrame, EventBusSrv, type GrafanaTheme2, type InterpolateFunction,
  standardTransformers, standardTransformersRegistry, type TimeRange, transformDataFrame,
} from '@grafana/data';
import { PanelChrome, PanelContextProvider } from '@grafana/ui';
import type { ReactNode } from 'react';
import { lastValueFrom } from 'rxjs';
import type { Panel } from './dashboard';
import type { Drawing } from './drawing';
import { registryFor, withDefaults } from './fields';
import { type Event, framesOf } from './prometheus';
import { stat } from './stat';
import { stateTimeline } from './state_timeline';
import { table } from './table';
import { timeseries } from './timeseries';
import type { Interpolate } from './variables';

const drawings: Record<string, Drawing> = { timeseries, stat, table, 'state-timeline': stateTimeline };

// What npm has of a panel's frame expects to be told where events go; nobody acts in a picture.
const eventBus = new EventBusSrv();

// Some are listed under two names.
const transformers = new Map(Object.values(standardTransformers).map((transformer) => [transformer.id, transformer]));
standardTransformersRegistry.setInit(() => [...transformers.values()].map((transformer) => ({
  id: transformer.id, name: transformer.name, transformation: () => Promise.resolve(transformer), editor: () => null,
  imageDark: '', imageLight: '',
})));

export interface Context {
  range: TimeRange;
  events: Event[];
  theme: GrafanaTheme2;
  interpolate: Interpolate;
  replace: InterpolateFunction;
}

export interface Prepared {
  panel: Panel;
  frames: DataFrame[];
}

export async function prepare(panel: Panel, width: number, { range, interpolate, replace }: Context): Promise<Prepared> {
  const queried = await framesOf(panel, range, width, interpolate);
  if (!drawings[panel.type]) throw new Error(`nothing draws panels of the type ${panel.type}`);
  const frames = await lastValueFrom(transformDataFrame(panel.transformations ?? [], queried, { interpolate: replace }));
  return { panel, frames };
}

export const hasData = ({ frames }: Prepared) => frames.some(({ length }) => length > 0);

interface Props {
  prepared: Prepared;
  width: number;
  height: number;
  context: Context;
}

export function Drawn({ prepared, width, height, context: { range, events, theme, replace } }: Props) {
  const { panel } = prepared;
  const drawing = drawings[panel.type];
  const written = withDefaults(panel.fieldConfig, drawing.defaults);
  const fieldConfig = drawing.migrate?.(written) ?? written;
  const frames = applyFieldOverrides({
    data: prepared.frames, fieldConfig, fieldConfigRegistry: registryFor(fieldConfig), replaceVariables: replace, theme,
    timeZone: 'utc',
  });
  cacheFieldDisplayNames(frames);
  const draw = (innerWidth: number, innerHeight: number): ReactNode =>
    hasData(prepared)
      ? drawing.draw({ panel, frames, fieldConfig, range, events, theme, replace, width: innerWidth, height: innerHeight })
      : <Empty text={fieldConfig.defaults.noValue ?? 'No data'} theme={theme} />;
  return (
    <PanelContextProvider value={{ eventsScope: '__global_', eventBus }}>
      <PanelChrome
        width={width} height={height} title={replace(panel.title ?? '')} padding={panel.type === 'table' ? 'none' : 'md'}
        description={panel.description}
      >
        {draw}
      </PanelChrome>
    </PanelContextProvider>
  );
}

/** As Grafana shows a panel without data. */
const Empty = ({ text, theme }: { text: string; theme: GrafanaTheme2 }) => (
  <div style={{ display: 'grid', placeItems: 'center', height: '100%', color: theme.colors.text.secondary }}>{text}</div>
);
